"""The package's parts: for which Python, what is in it, and that the same source gives the same bytes."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import sys
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import pytest
import yaml

from deploy.packaging import elf, interpreters, runtimes
from deploy.packaging.archive import files_below, write
from deploy.packaging.builder import bytecode_alone
from deploy.packaging.bytecode import HOME, BytecodeError, compile_modules
from deploy.packaging.dependencies import ROOT
from deploy.packaging.inspection import Package
from deploy.packaging.pruning import LEFT_OUT, SERVICES, is_kept
from deploy.packaging.runtimes import Target, UnsupportedRuntimeError

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
CONFIG = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_a_stage_runs_on_the_runtime_that_it_names_whatever_builds_the_package(stage: str) -> None:
    target = runtimes.of_stage(CONFIG, stage, {})
    assert target.runtime == CONFIG["lambda_python_version"]
    assert target.runtime in runtimes.RUNTIMES
    assert target.machine == "x86_64"


def test_arm64_is_a_setting() -> None:
    config = {**CONFIG, "lambda_architecture": "arm64"}
    assert runtimes.of_stage(config, "dev", {}).platform == "aarch64-manylinux_2_34"


def test_a_runtime_that_cannot_run_us_is_refused_with_what_can() -> None:
    with pytest.raises(UnsupportedRuntimeError, match=r"python3\.11 cannot .* python3\.12, python3\.13, python3\.14"):
        runtimes.of_lambda("python3.11", "x86_64")
    with pytest.raises(UnsupportedRuntimeError, match="arm64"):
        runtimes.of_lambda("python3.13", "riscv64")


@pytest.mark.parametrize(
    ("endpoint", "is_here"),
    [("http://127.0.0.1:4566", True), ("http://localhost:1", True), ("https://lambda.example", False), ("", False)],
)
def test_the_embedded_cloud_runs_functions_with_this_machines_python(endpoint: str, is_here: bool) -> None:
    target = runtimes.of_stage(CONFIG, "dev", {"AWS_ENDPOINT_URL": endpoint})
    assert (target == runtimes.of_this_machine()) is is_here


def test_an_interpreter_is_of_the_version_or_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert interpreters.interpreter(HERE).samefile(sys.executable)
    stand_in = tmp_path / "python3.99"
    stand_in.write_text("#!/bin/sh\necho 'pyenv: python3.99: command not found' >&2\nexit 127\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(interpreters.InterpreterMissingError, match=r"Python 3\.99, .*uv python install 3\.99"):
        interpreters.interpreter("3.99")


def test_an_interpreter_before_its_release_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    early = tmp_path / "python3.98"
    early.write_text("#!/bin/sh\necho '3.98 candidate'\n")
    early.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(interpreters.InterpreterMissingError):
        interpreters.interpreter("3.98")


def _modules(folder: Path) -> Path:
    (folder / "package").mkdir(parents=True)
    (folder / "package" / "__init__.py").write_text("NAMES = frozenset({'a', 'b', 'c', 'd'})\n")
    (folder / "package" / "other.py").write_text('"""Other."""\n\n\ndef double(number):\n    return 2 * number\n')
    (folder / "alone.py").write_text("from package.other import double\n")
    return folder


def test_bytecode_is_believed_without_a_look_at_its_source(tmp_path: Path) -> None:
    folder = _modules(tmp_path / "made")
    compile_modules(folder, HERE)
    found = sorted(folder.rglob("*.pyc"))
    assert len(found) == 3
    for path in found:
        head = path.read_bytes()[:8]
        assert head[:4] == importlib.util.MAGIC_NUMBER
        assert int.from_bytes(head[4:], "little") == 0b01  # PEP 552: by hash, and unchecked


def test_bytecode_names_where_lambda_unpacks_and_no_folder_of_this_machine(tmp_path: Path) -> None:
    folder = _modules(tmp_path / "made")
    compile_modules(folder, HERE)
    for path in folder.rglob("*.pyc"):
        assert str(tmp_path).encode() not in path.read_bytes()
        assert HOME.encode() in path.read_bytes()


def test_bytecode_is_the_same_in_another_folder(tmp_path: Path) -> None:
    one, other = _modules(tmp_path / "one"), _modules(tmp_path / "quite" / "another")
    for folder in (one, other):
        compile_modules(folder, HERE)
    assert {name: path.read_bytes() for name, path in files_below(one).items()} == {
        name: path.read_bytes() for name, path in files_below(other).items()
    }


def test_a_module_that_is_no_python_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def\n")
    with pytest.raises(BytecodeError, match=r"broken\.py"):
        compile_modules(tmp_path, HERE)


def test_an_archive_is_the_same_whatever_dates_modes_and_places_say(tmp_path: Path) -> None:
    one, other = _modules(tmp_path / "one"), _modules(tmp_path / "other")
    for number, path in enumerate(sorted(other.rglob("*.py"))):
        os.utime(path, (number, number))
        path.chmod(0o600)
    write(tmp_path / "one.zip", files_below(one))
    write(tmp_path / "other.zip", dict(reversed(files_below(other).items())))
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        # Lambda runs as somebody else than whoever owns the files.
        assert {entry.external_attr >> 16 & 0o444 for entry in archive.infolist()} == {0o444}


def test_an_archive_that_could_not_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "made" / "package.zip", {"gone.py": tmp_path / "gone.py"})
    assert not list((tmp_path / "made").iterdir())


def test_dependencies_ship_as_bytecode_in_the_place_of_their_sources() -> None:
    given = ("a.py", "__pycache__/a.cpython-313.pyc", "b/c.py", "b/__pycache__/c.cpython-313.pyc", "b/d.so", "b/e.json")
    shipped = bytecode_alone({name: Path(name) for name in given}, "cpython-313")
    assert {name: str(path) for name, path in shipped.items()} == {
        "a.pyc": "__pycache__/a.cpython-313.pyc",
        "b/c.pyc": "b/__pycache__/c.cpython-313.pyc",
        "b/d.so": "b/d.so",
        "b/e.json": "b/e.json",
    }


def _shipped_distributions() -> set[str]:
    pinned = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return {line.partition("==")[0].lower().replace("_", "-") for line in pinned}


def _installed() -> list[str]:
    """Files of the pinned dependencies, as they are installed here."""
    shipped = _shipped_distributions()
    return [
        str(file)
        for found in distributions()
        if found.metadata["Name"].lower().replace("_", "-") in shipped
        for file in found.files or ()
    ]


# What only another way of unpacking leaves behind, or another machine.
_OF_UV = frozenset({".lock", "*.dist-info/uv_*", "*.dist-info/REQUESTED", "*.dist-info/direct_url.json", "bin/*"})


def test_everything_that_is_said_not_to_ship_is_there() -> None:
    from fnmatch import fnmatchcase

    installed = _installed()
    stale = [one for one in LEFT_OUT if not any(fnmatchcase(name, one) for name in installed)]
    assert set(stale) <= _OF_UV | {"*/tests/*", "*.pyx", "*.pxd", "*.c", "*.h"}


def test_services_that_are_spoken_to_are_those_whose_descriptions_ship() -> None:
    spoken_to = {"dynamodb"}  # PynamoDB makes its own client
    for path in (ROOT / "chalicelib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "client":
                spoken_to |= {str(one.value) for one in node.args[:1] if isinstance(one, ast.Constant)}
    assert spoken_to == set(SERVICES)
    for service in SERVICES:
        assert is_kept(f"botocore/data/{service}/2012-08-10/service-2.json.gz")
    assert not is_kept("botocore/data/ec2/2016-11-15/service-2.json.gz")
    assert is_kept("botocore/data/endpoints.json")


def test_no_module_that_we_import_is_left_out() -> None:
    installed = set(_installed())
    for path in (ROOT / "chalicelib").rglob("*.py"):
        for module in _imported(ast.parse(path.read_text(encoding="utf-8"))):
            file = module.replace(".", "/")
            for candidate in (f"{file}.py", f"{file}/__init__.py"):
                assert candidate not in installed or is_kept(candidate), (path.name, module)


class _AtRunTime(ast.NodeTransformer):
    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        return node.orelse if "TYPE_CHECKING" in ast.dump(node.test) else self.generic_visit(node)


def _imported(tree: ast.Module) -> set[str]:
    """Modules that are imported when the code runs; what only type checkers import is left out."""
    found = set()
    for node in ast.walk(_AtRunTime().visit(tree)):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
    return found


def _libraries() -> list[Path]:
    found = importlib.util.find_spec("PIL")
    assert found and found.origin
    site = Path(found.origin).parent.parent
    names = ("cryptography/**/*.so", "PIL/_imaging.*.so", "pillow.libs/*.so*", "pypdfium2_raw/*.so", "msgspec/*.so")
    return sorted(path for name in names for path in site.glob(name))


def _image(content: bytes) -> dict[int, bytes]:
    """What a loader puts into memory, by address."""
    return {
        one.address: content[one.offset : one.offset + one.file_size]
        for one in elf.segments(content)
        if one.kind == elf.LOAD
    }


def test_a_library_without_what_is_not_loaded_is_the_same_in_memory() -> None:
    libraries = _libraries()
    assert len(libraries) >= 10
    for path in libraries:
        before = path.read_bytes()
        after = elf.compacted(before)
        assert len(after) <= len(before)
        _same_image(path.name, before, after)
        for segment in elf.segments(after):
            if segment.kind == elf.LOAD:
                # What glibc asks of a segment, for any size of page.
                assert (segment.address - segment.offset) % segment.alignment == 0
                assert segment.offset + segment.file_size <= len(after)
        assert elf.compacted(after) == after


def _same_image(name: str, before: bytes, after: bytes) -> None:
    old, new = _image(before), _image(after)
    assert old.keys() == new.keys(), name
    # The headers at the start, and the table of segments, say where things are in the file. All else is equal.
    table, size, count = elf.table_of_segments(after)
    tables = {
        place for start in (table, elf.table_of_segments(before)[0]) for place in range(start, start + size * count)
    }
    for segment in (one for one in elf.segments(after) if one.kind == elf.LOAD):
        ours, theirs = new[segment.address], old[segment.address]
        assert len(ours) == len(theirs), name
        if ours != theirs:
            changed = {segment.offset + at for at, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b}
            assert changed <= tables | set(range(64)), name


def test_what_is_no_library_of_that_kind_is_left_as_it_is() -> None:
    assert not elf.is_library(b"\x7fELF\x01\x01")
    assert not elf.is_library(b"import os")


def test_a_package_that_is_not_as_promised_is_told_so(tmp_path: Path) -> None:
    target = Target(HERE, "x86_64", (2, 34))
    archive = tmp_path / "package.zip"
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr(zipfile.ZipInfo("app.py", (2026, 1, 1, 0, 0, 0)), "pass")
        written.writestr("tests/test_app.py", "pass")
        written.writestr("old.pyc", b"\x00" * 16)
        written.writestr("checked.pyc", importlib.util.MAGIC_NUMBER + b"\x03\0\0\0" + b"\0" * 8)
        written.writestr("large/data.bin", b"\0" * 41_000_000)
    told = " ".join(Package(archive, target).faults())
    for fault in (
        "tests/test_app.py has no place",
        "app.py has no bytecode",
        "old.pyc is bytecode of another Python",
        "checked.pyc is checked against its source",
        "files carry dates",
        "dependencies take 41.0 MB, 40 are allowed",
    ):
        assert fault in told


def test_the_versions_that_are_tested_are_those_of_the_runtimes_and_of_developers() -> None:
    assert {f"python{one}" for one in runtimes.TESTED} >= set(runtimes.RUNTIMES)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'requires-python = ">={runtimes.TESTED[0]}"' in project


def test_workflows_test_with_those_versions_and_deploy_with_the_stages_own() -> None:
    workflows = ROOT / ".github" / "workflows"
    ci = yaml.safe_load((workflows / "ci.yml").read_text(encoding="utf-8"))
    (matrix,) = (job["strategy"]["matrix"]["python"] for job in ci["jobs"].values() if "strategy" in job)
    assert tuple(matrix) == runtimes.TESTED
    deployed_with = set(re.findall(r"PYTHON=(python[\d.]+)", (workflows / "deploy.yml").read_text(encoding="utf-8")))
    assert deployed_with == {CONFIG["lambda_python_version"]}


def test_the_pages_of_packages_name_commands_that_there_are() -> None:
    page = (ROOT / "docs" / "packaging.md").read_text(encoding="utf-8")
    for module in set(re.findall(r"python -m ([a-z_.]+[a-z])", page)):
        assert importlib.util.find_spec(module) is not None, module


def test_every_requirement_that_comes_as_source_is_named() -> None:
    from deploy.packaging.dependencies import BUILT_HERE

    assert set(BUILT_HERE) <= _shipped_distributions()
