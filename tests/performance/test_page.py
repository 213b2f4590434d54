"""The page of figures: it says what was recorded, and its pictures are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench import plots
from bench.calls import read_record
from bench.page import performance_page
from bench.plots import DOCS, Line, Plot, draw
from bench.result_files import read_results


def test_every_picture_of_the_page_is_there_and_every_picture_is_on_the_page() -> None:
    named = set(re.findall(r"\]\((performance/[\w.-]+)\)", performance_page()))
    assert named == {f"performance/{path.name}" for path in (DOCS / "performance").iterdir()}


def test_every_row_and_every_bench_stand_on_the_page() -> None:
    page = performance_page()
    assert all(f"| {row.case} |" in page for row in read_record())
    assert all(f"## {one.title}\n" in page for one in read_results().values())


def test_no_figure_names_a_machine_or_a_place_outside() -> None:
    for one in read_results().values():
        text = " ".join((one.command, *one.said, *(str(cell) for row in one.rows for cell in row)))
        assert not re.search(r"/work/|/tmp/|/home/|/root/", text)


def test_the_same_numbers_give_the_same_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "DOCS", tmp_path)
    plot = Plot("What", "people", [1, 10, 100], [Line("calls", [1, 1, 1]), Line("kB", [2, 20, 200])])
    draw(plot, "performance/a.svg")
    draw(plot, "performance/b.svg")
    first, second = ((tmp_path / "performance" / name).read_bytes() for name in ("a.svg", "b.svg"))
    assert first == second
    assert b"<svg" in first
