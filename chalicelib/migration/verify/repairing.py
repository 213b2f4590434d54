"""Mends what a verification found, through whoever makes copies, and says what could not be mended so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chalicelib import errors
from chalicelib.migration.ports import ItemKey, Key, PhaseMoved
from chalicelib.migration.verify.differences import Difference, astray
from chalicelib.migration.verify.run import Verification, Verifier


@dataclass(frozen=True, slots=True)
class Mended:
    """What came of a repair: whom it copied anew, for whom that failed and why, and what still differs."""

    copied: tuple[Key, ...]
    failed: dict[Key, str]
    left: list[Difference]
    unsettled: set[Key]


def repair(verifier: Verifier, found: Verification, copy: Callable[[Key, Sequence[ItemKey]], object]) -> Mended:
    """Copy everybody anew who differs, and look at them again. `copy` is told where items of a key were found that
    differ, and must look at those and all others even where their revision was copied. Safe to run twice; nothing that
    differed is left alone silently."""
    copied: list[Key] = []
    failed: dict[Key, str] = {}
    places = astray(found.differences)
    for key in sorted({one.key for one in found.differences}):
        try:
            copy(key, places.get(key, ()))
        except (errors.Unavailable, PhaseMoved):
            raise
        except Exception as trouble:  # noqa: BLE001  # Whatever it is, the others are to be mended; it is told below.
            failed[key] = f"{type(trouble).__name__}: {trouble}"
        else:
            copied.append(key)
    again = verifier.look_again(found)
    return Mended(tuple(copied), failed, again.differences, again.unsettled)
