"""The real package: built for each runtime and architecture, looked into, and used with nothing else on the path."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from deploy.packaging import runtimes
from deploy.packaging.builder import Packager
from deploy.packaging.dependencies import BUILT_HERE, CACHE, ROOT
from deploy.packaging.inspection import MOST_OF_DEPENDENCIES, Package, table
from deploy.packaging.interpreters import InterpreterMissingError, interpreter
from deploy.packaging.runtimes import Target, of_lambda, of_this_machine

pytestmark = [pytest.mark.prove, pytest.mark.timeout(600)]
TARGETS = [of_lambda(runtime, architecture) for runtime in runtimes.RUNTIMES for architecture in runtimes.ARCHITECTURES]
DOCUMENT = ROOT / "tests" / "hostile" / "fifty-pages-linearized.pdf"
# What asks most of what is taken apart: providers, pictures, PDFs, reports.
WITH_THE_PACKAGE = ("tests/unit/gateways", "tests/unit/documents", "tests/unit/reports", "tests/unit/observe")


def _interpreter_or_skip(target: Target) -> Path:
    try:
        return interpreter(target.python)
    except InterpreterMissingError as missing:
        pytest.skip(str(missing))


def _project(folder: Path) -> Path:
    (folder / ".chalice").mkdir(parents=True)
    for name in ("app.py", "requirements.txt"):
        shutil.copyfile(ROOT / name, folder / name)
    shutil.copytree(ROOT / "chalicelib", folder / "chalicelib", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def _unpacked(target: Target, folder: Path) -> Path:
    archive = Packager(target).build(_project(folder / "project"))
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder / "unpacked")
    return folder / "unpacked"


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: f"{one.runtime}-{one.machine}")
def test_every_requirement_has_a_wheel_for_every_runtime_and_architecture(target: Target, tmp_path: Path) -> None:
    from uv import find_uv_bin

    built = [word for name in BUILT_HERE for word in ("--no-binary", name)]
    asked = subprocess.run(
        [
            *(find_uv_bin(), "pip", "install", "--dry-run", "--target", tmp_path, "--no-deps"),
            *("--only-binary", ":all:", *built, "--python-version", target.python),
            *("--python-platform", target.platform, "--requirements", ROOT / "requirements.txt"),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    assert asked.returncode == 0, asked.stderr


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: f"{one.runtime}-{one.machine}")
def test_a_package_is_as_promised(target: Target, tmp_path: Path) -> None:
    _interpreter_or_skip(target)
    package = Package(Packager(target).build(_project(tmp_path)), target)
    assert list(package.faults()) == []
    print(table(package))
    assert package.of_dependencies <= MOST_OF_DEPENDENCIES
    with zipfile.ZipFile(package.archive) as opened:
        libraries = [name for name in opened.namelist() if name.endswith(".so")]
        assert len(libraries) >= 10
        for name in libraries:
            (machine,) = ({b"\x3e\x00": "x86_64", b"\xb7\x00": "aarch64"}[opened.read(name)[18:20]],)
            assert machine == target.machine, name


def test_the_same_source_gives_the_same_bytes_in_another_folder_with_another_cache(tmp_path: Path) -> None:
    target = of_this_machine()
    first = Packager(target, tmp_path / "cache").build(_project(tmp_path / "one"))
    later = _project(tmp_path / "quite" / "another" / "place")
    for path in later.rglob("*"):
        os.utime(path, (1, 1))
    second = Packager(target, tmp_path / "other-cache").build(later)
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("runtime", [*runtimes.RUNTIMES, "this machine's"])
def test_what_is_used_of_the_dependencies_works_from_the_package_alone(runtime: str, tmp_path: Path) -> None:
    architecture = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
    target = of_this_machine() if runtime not in runtimes.RUNTIMES else of_lambda(runtime, architecture)
    python = _interpreter_or_skip(target)
    package = _unpacked(target, tmp_path)
    done = subprocess.run(
        [python, "-I", "-S", "-B", Path(__file__).with_name("use_package.py"), package, DOCUMENT],
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    used = json.loads(done.stdout.splitlines()[-1])
    assert used["python"] == target.python
    assert used["health"] == "healthy"
    assert used["inspected"] is True
    assert used["pages"] == [50, 50]
    assert used["pictures"] == ["JPEG", "PNG"]
    assert used["services"] == ["bedrock-runtime", "dynamodb", "s3", "secretsmanager", "sqs"]
    assert used["modules"] > 300


@pytest.mark.timeout(1800)
def test_tests_of_what_uses_dependencies_most_pass_with_the_packages_in_their_place(tmp_path: Path) -> None:
    package = _unpacked(of_this_machine(), tmp_path)
    # The tests' own sources are those here; dependencies come from the package.
    for name in ("app.py", "chalicelib", "chalice"):
        path = package / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    # Tools of the tests ask botocore for services that functions never speak to.
    shutil.rmtree(package / "botocore" / "data")
    shutil.copytree(_installed("botocore") / "data", package / "botocore" / "data")
    # How quick something is says nothing of the package, and something of who else uses the machine.
    options = ("-n", "2", "--timeout", "600", "-m", "not prove", "-k", "not quickly")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *WITH_THE_PACKAGE],
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:]


def _installed(name: str) -> Path:
    found = __import__(name).__file__
    assert found is not None
    return Path(found).parent


def test_what_is_kept_of_dependencies_is_kept_in_the_build_folder_alone() -> None:
    assert CACHE.is_relative_to(ROOT / "build")
