"""For what a package is built: Lambda's runtimes and architectures as data, and which of them a stage runs on."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

Glibc = tuple[int, int]

RUNTIMES: Final[Mapping[str, Glibc]] = {"python3.12": (2, 34), "python3.13": (2, 34), "python3.14": (2, 34)}
"""Lambda's runtimes for which every pinned requirement has a wheel, with the C library of their system, Amazon Linux
2023. `python3.11` is not among them: it runs on Amazon Linux 2, whose glibc 2.26 is older than Pillow's wheels take."""

ARCHITECTURES: Final[Mapping[str, str]] = {"x86_64": "x86_64", "arm64": "aarch64"}
"""Lambda's names of its architectures, and those of wheels."""

TESTED: Final = ("3.11", "3.12", "3.13", "3.14")
"""The versions of Python that the code is tested with: those of developers, and those of RUNTIMES."""

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class UnsupportedRuntimeError(Exception):
    """No package can be built for that. The text says why, and what can be chosen instead."""


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of machine that a package is for. `python` is `3.13`, `machine` as wheels call it."""

    python: str
    machine: str
    glibc: Glibc

    @property
    def runtime(self) -> str:
        """Lambda's name of the interpreter."""
        return f"python{self.python}"

    @property
    def tag(self) -> str:
        """What its bytecode files are marked with, as in `app.cpython-313.pyc`."""
        return f"cpython-{self.python.replace('.', '')}"

    @property
    def platform(self) -> str:
        """What uv calls the machine: no wheel may want a newer C library."""
        return f"{self.machine}-manylinux_{self.glibc[0]}_{self.glibc[1]}"


def of_lambda(runtime: str, architecture: str) -> Target:
    """Return the target of one of Lambda's runtimes.

    Raises:
        UnsupportedRuntimeError: there is none, or not all that we need runs there.
    """
    if runtime not in RUNTIMES:
        raise UnsupportedRuntimeError(
            f"{runtime} cannot run this service on Lambda: not every requirement has a wheel for its system. "
            f"Set lambda_python_version in .chalice/config.json to one of {', '.join(RUNTIMES)}."
        )
    if architecture not in ARCHITECTURES:
        raise UnsupportedRuntimeError(
            f"Lambda has no architecture {architecture}. Set lambda_architecture to one of {', '.join(ARCHITECTURES)}."
        )
    return Target(runtime.removeprefix("python"), ARCHITECTURES[architecture], RUNTIMES[runtime])


def of_this_machine() -> Target:
    """Return this machine as a target: the embedded cloud runs functions here, with the interpreter that runs this."""
    _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "glibc 2.28").split()
    major, minor = (int(part) for part in version.split(".")[:2])
    # uv knows platforms up to here; a newer library runs what older ones do.
    newest = min((major, minor), (2, 40))
    # It knows none between 2.17 and 2.28, nor between that and 2.31.
    named = max(one for one in ((2, 17), (2, 28), *((2, number) for number in range(31, 41))) if one <= newest)
    return Target(f"{sys.version_info.major}.{sys.version_info.minor}", platform.machine(), named)


def of_stage(config: Mapping[str, Any], stage: str, environment: Mapping[str, str]) -> Target:
    """Return what a stage runs on: what `.chalice/config.json` says, whatever interpreter builds the package; on the
    embedded cloud this machine.

    Raises:
        UnsupportedRuntimeError: the stage names something that Lambda has not, or that cannot run us.
    """
    if is_embedded(environment):
        return of_this_machine()
    options = {**config, **config["stages"].get(stage, {})}
    return of_lambda(options["lambda_python_version"], options.get("lambda_architecture", "x86_64"))


def is_embedded(environment: Mapping[str, str]) -> bool:
    """Whether what is deployed goes to a cloud on this machine."""
    endpoint = environment.get("AWS_ENDPOINT_URL_LAMBDA") or environment.get("AWS_ENDPOINT_URL", "")
    return urlsplit(endpoint).hostname in _LOOPBACK
