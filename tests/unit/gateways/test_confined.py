"""The confined child: bytes in, bytes out, and every way in which it may misbehave ends in a type, without remains."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chalicelib.gateways import confined
from chalicelib.gateways.confined import Limits, run_confined

FAST = Limits(wall_seconds=5, cpu_seconds=2, memory_bytes=256 * 1024 * 1024, output_bytes=1 << 20)


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that the test writes, on the import path of the child alone."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return "misbehaving_child"


def write(tmp_path: Path, source: str) -> None:
    (tmp_path / "misbehaving_child.py").write_text("import os, signal, sys, time\n" + source)


def run(tmp_path: Path, child: str, source: str, payload: bytes = b"", limits: Limits = FAST) -> bytes:
    write(tmp_path, source)
    return run_confined(child, payload, limits)


def test_bytes_go_in_and_come_out(tmp_path: Path, child: str) -> None:
    payload = os.urandom(3_000_000)
    limits = Limits(output_bytes=4_000_000)
    source = "sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])"
    assert run(tmp_path, child, source, payload, limits) == payload[::-1]


def test_input_that_the_child_does_not_read_is_no_error(tmp_path: Path, child: str) -> None:
    assert run(tmp_path, child, "sys.stdout.write('done')", b"x" * 5_000_000) == b"done"


def test_the_child_sees_neither_our_environment_nor_our_directory(
    tmp_path: Path, child: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("PYTHONSTARTUP", "/nowhere")
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)  # OpenCV sets it in any process that imports it
    seen = run(tmp_path, child, "print(sorted(k for k in os.environ if k != 'LC_CTYPE'), os.getcwd(), sys.argv[1:])")
    assert seen.decode().split() == ["[]", "/", "[]"]


def test_the_library_path_of_lambda_is_handed_on(tmp_path: Path, child: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/var/lang/lib")
    assert run(tmp_path, child, "print(os.environ['LD_LIBRARY_PATH'])") == b"/var/lang/lib\n"


def test_our_import_path_is_the_childs_also_where_it_is_relative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    assert run(tmp_path, "misbehaving_child", "import msgspec; print(msgspec.__name__)") == b"msgspec\n"


def test_a_child_that_sleeps_is_ended_on_time(tmp_path: Path, child: str) -> None:
    started = time.monotonic()
    with pytest.raises(confined.ChildTimedOut):
        run(tmp_path, child, "time.sleep(60)", limits=Limits(wall_seconds=0.4))
    assert time.monotonic() - started < 3


def test_a_child_that_never_reads_a_large_input_is_ended_on_time(tmp_path: Path, child: str) -> None:
    with pytest.raises(confined.ChildTimedOut):
        run(tmp_path, child, "time.sleep(60)", b"x" * 5_000_000, Limits(wall_seconds=0.4))


def test_a_child_that_closes_its_output_and_stays_is_ended_on_time(tmp_path: Path, child: str) -> None:
    with pytest.raises(confined.ChildTimedOut):
        run(tmp_path, child, "os.close(0); os.close(1); os.close(2); time.sleep(60)", limits=Limits(wall_seconds=0.4))


def test_a_child_that_spins_is_ended_by_its_cpu_seconds(tmp_path: Path, child: str) -> None:
    with pytest.raises(confined.ChildTimedOut, match="seconds"):
        run(tmp_path, child, "while True: pass", limits=Limits(wall_seconds=30, cpu_seconds=1))


def test_a_child_whose_parent_is_gone_ends_itself(tmp_path: Path) -> None:
    write(tmp_path, "time.sleep(60)")
    runner = Path(confined.__file__).with_name("confined_child.py")
    numbers = ["2", str(1 << 28), "0", "16", "-0.7"]  # the alarm rings one second after the wall: 0.3 s here
    arguments = [sys.executable, "-I", "-S", str(runner), "misbehaving_child", *numbers, str(tmp_path), *sys.path]
    assert subprocess.run(arguments, check=False, timeout=10, cwd="/").returncode == -14


def test_memory_above_the_limit_is_refused_to_the_child(tmp_path: Path, child: str) -> None:
    with pytest.raises(confined.ChildOutOfMemory):
        run(tmp_path, child, "x = bytearray(1 << 30)")


def test_a_flood_of_output_ends_the_child(tmp_path: Path, child: str) -> None:
    started = time.monotonic()
    with pytest.raises(confined.ChildFlooded):
        run(tmp_path, child, "while True: sys.stdout.buffer.write(b'x' * 65536)", limits=Limits(output_bytes=100_000))
    assert time.monotonic() - started < 5


def test_a_flood_of_error_text_is_dropped(tmp_path: Path, child: str) -> None:
    source = "sys.stderr.write('x' * 3_000_000); sys.stderr.flush(); print('fine')"
    assert run(tmp_path, child, source) == b"fine\n"


def test_a_crash_is_told_with_its_signal(tmp_path: Path, child: str) -> None:
    with pytest.raises(confined.ChildKilled) as killed:
        run(tmp_path, child, "os.kill(os.getpid(), signal.SIGSEGV)")
    assert killed.value.signal_number == 11


def test_an_error_in_the_child_is_told_by_type_and_place_without_its_text(tmp_path: Path, child: str) -> None:
    with pytest.raises(confined.ChildFailed) as failed:
        run(tmp_path, child, "raise ValueError('Jane Doe, potassium 6.9')")
    assert "ValueError at misbehaving_child.py:2" in str(failed.value)
    assert "Jane" not in str(failed.value)


def test_leaving_with_a_status_is_a_failure(tmp_path: Path, child: str) -> None:
    with pytest.raises(confined.ChildFailed, match="status 3"):
        run(tmp_path, child, "os._exit(3)")


def test_a_module_that_does_not_exist_is_a_failure() -> None:
    with pytest.raises(confined.ChildFailed, match="ImportError"):
        run_confined("there_is_no_such_module", b"", FAST)


def test_no_interpreter_to_start_has_a_type_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(confined.ChildNotStarted):
        run_confined("anything", b"", FAST)


def test_the_child_cannot_write_a_file(tmp_path: Path, child: str) -> None:
    target = tmp_path / "written"
    source = f"""
try:
    with open({str(target)!r}, 'wb') as f: f.write(b'x')
except OSError as e: print(type(e).__name__)
"""
    assert run(tmp_path, child, source) == b"OSError\n"
    assert not target.exists() or target.read_bytes() == b""


def test_the_child_has_few_files_and_no_core_dump(tmp_path: Path, child: str) -> None:
    source = "import resource as r; print(r.getrlimit(r.RLIMIT_NOFILE)[1], r.getrlimit(r.RLIMIT_CORE)[1])"
    assert run(tmp_path, child, source, limits=Limits(open_files=32)) == b"32 0\n"


def test_children_of_the_child_end_with_it(tmp_path: Path, child: str) -> None:
    source = """
if os.fork() == 0:
    os.close(0); os.close(1); os.close(2)
    time.sleep(60)
    os._exit(0)
print(os.getpgid(0)); sys.stdout.flush()
"""
    group = int(run(tmp_path, child, source))
    wait_until_gone(group)


def test_many_threads_at_once_each_get_their_own_answer_and_leave_no_zombie(tmp_path: Path, child: str) -> None:
    write(tmp_path, "d = sys.stdin.buffer.read()\nif d == b'3': os._exit(5)\nsys.stdout.buffer.write(d * 2)")

    def ask(number: int) -> bytes | None:
        try:
            return run_confined(child, str(number).encode(), FAST)
        except confined.ChildFailed:
            return None

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(16)))
    assert answers == [None if n == 3 else f"{n}{n}".encode() for n in range(16)]
    assert_no_children()
    assert threading.active_count() < 20


def test_no_descriptor_is_left_open(tmp_path: Path, child: str) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    rounds = 5
    before = descriptors()
    for _ in range(rounds):
        run(tmp_path, child, "print(1)")
        with pytest.raises(confined.ChildFailed):
            run(tmp_path, child, "os._exit(3)")
        with pytest.raises(confined.ChildTimedOut):
            run(tmp_path, child, "time.sleep(60)", limits=Limits(wall_seconds=0.1))
    # Other tests' connections close and open meanwhile, one or two of them; a leak would leave one per round at least.
    assert descriptors() - before < rounds


def assert_no_children() -> None:
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    ours = [c for c in children if b"confined_child.py" in Path(f"/proc/{c}/cmdline").read_bytes()]
    zombies = [c for c in children if Path(f"/proc/{c}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"]
    assert ours == zombies == []


def wait_until_gone(group: int) -> None:
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        if all(state == "Z" for state in states_of(group)):  # ended, and waiting for its new parent, not for us
            return
        time.sleep(0.02)
    raise AssertionError("a grandchild is still running")


def states_of(group: int) -> list[str]:
    states = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            states.append(fields[0])
    return states
