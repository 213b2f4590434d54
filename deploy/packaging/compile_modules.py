"""Run by another interpreter, in the folder whose modules it compiles: `compile_modules.py <where they will be>`."""

import importlib.util
import os
import py_compile
import sys


def main(home: str) -> None:
    """Compile every module below the working directory, each under the path that it will have."""
    found = []
    for folder, folders, names in os.walk("."):
        folders[:] = [one for one in folders if one != "__pycache__"]
        found += [os.path.normpath(f"{folder}/{name}") for name in names if name.endswith(".py")]
    for module in sorted(found):
        py_compile.compile(
            module,
            cfile=importlib.util.cache_from_source(module),
            dfile=f"{home}/{module}",
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )


if __name__ == "__main__":
    main(sys.argv[1])
