"""Every hostile file is refused by type and in time, every genuine one that looks like them passes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from chalicelib import errors
from chalicelib.documents.inspection import Declared, inspect
from tests.hostile.make_files import Sample, genuine_files, hostile, main

HOSTILE = list(hostile())
GENUINE = list(genuine_files())


def test_there_are_enough_hostile_files_and_each_has_its_own_name() -> None:
    assert len({sample.name for sample in HOSTILE}) == len(HOSTILE) >= 30


@pytest.mark.parametrize("sample", HOSTILE, ids=lambda sample: sample.name)
def test_a_hostile_file_is_refused_with_a_reason_within_ten_seconds(sample: Sample) -> None:
    content = sample.make()
    started = time.monotonic()
    with pytest.raises(errors.InvalidRequest) as refused:
        inspect(content, Declared(sample.file_name))
    assert time.monotonic() - started < 10
    assert refused.value.code == sample.code
    assert not sample.reasons or refused.value.details["reason"] in sample.reasons
    assert sample.sentence in refused.value.user_message
    assert refused.value.user_message.endswith(".")
    assert "{" not in refused.value.user_message


@pytest.mark.parametrize("sample", GENUINE, ids=lambda sample: sample.name)
def test_a_genuine_file_that_looks_suspicious_passes(sample: Sample) -> None:
    content = sample.make()
    passed = inspect(content, Declared(sample.file_name, file_size=len(content)))
    assert passed.file_type == sample.file_name.rpartition(".")[2]
    assert passed.page_count >= 1


def test_hostile_files_leave_no_process_behind() -> None:
    by_name = {sample.name: sample for sample in HOSTILE}
    for name in ("pdf: ten to the twelve forms", "jpg: cut in the middle"):
        with pytest.raises(errors.InvalidRequest):
            inspect(by_name[name].make(), Declared(by_name[name].file_name))
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    commands = [Path(f"/proc/{child}/cmdline").read_bytes() for child in children]
    assert not [command for command in commands if b"confined_child.py" in command or not command]


def test_the_files_can_be_written_out_for_other_uses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = [HOSTILE[0], HOSTILE[-1]]
    monkeypatch.setattr("tests.hostile.make_files.hostile", lambda: iter(few))
    monkeypatch.setattr("tests.hostile.make_files.genuine_files", lambda: iter(GENUINE[:1]))
    main(tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 3
