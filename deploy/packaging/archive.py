"""A zip that depends on nothing but what is in it: no dates, no order of a file system, no modes of a machine."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_NO_DATE: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3
_FILE: Final = 0o100644
_PROGRAM: Final = 0o100755
_LEVEL: Final = 6


def write(archive: Path, files: Mapping[str, Path]) -> None:
    """Write an archive of files by their names in it; the same files give the same bytes, on any day and anywhere.

    It appears whole: whoever is interrupted leaves no half of one.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    unfinished = archive.with_name(f"{archive.name}.{os.getpid()}.unfinished")
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as written:
            for name in sorted(files):
                entry = zipfile.ZipInfo(name, _NO_DATE)
                entry.create_system = _UNIX
                entry.external_attr = (_PROGRAM if name.endswith(".so") or ".so." in name else _FILE) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                written.writestr(entry, files[name].read_bytes())
        unfinished.replace(archive)
    finally:
        unfinished.unlink(missing_ok=True)


def files_below(folder: Path) -> dict[str, Path]:
    """Return the files of a folder by their path in it, with slashes."""
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
