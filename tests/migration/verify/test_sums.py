"""Digests, sums and how ranges are narrowed down; without any table."""

from __future__ import annotations

import io
import json
import random
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.migration.serenya.verified_values import jsonb_text
from chalicelib.migration.verify import recompute
from chalicelib.migration.verify.digests import NOTHING, Tally, sql_tallies, tally_of, total
from chalicelib.migration.verify.narrowing import differing, digits_for, keys_that_differ
from chalicelib.migration.verify.report import report_of, written
from chalicelib.migration.verify.run import Verification
from chalicelib.migration.verify.scanning import Sums
from chalicelib.migration.verify.sides import REST, Lane
from dev.legacy.server import LegacyDatabase

NOW = datetime(2026, 11, 20, tzinfo=UTC)
TEXTS = st.one_of(st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20))
KEYS = [f"{number:08x}-0000-4000-8000-000000000000" for number in random.Random(1).sample(range(16**8), 300)]
ROWS, OTHER = Lane("rows", ("name",)), Lane("other", ("name",), is_of_rows=False)


def test_postgresql_and_python_sum_up_the_same(legacy_database: LegacyDatabase) -> None:
    with psycopg.connect(legacy_database.dsn, autocommit=True) as connection:

        @settings(max_examples=60, deadline=None)
        @given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=30))
        def check(values: list[tuple[str | None, str | None]]) -> None:
            asked = "SELECT 'k' AS key, a AS v0, b AS v1 FROM unnest(%s::text[], %s::text[]) AS given (a, b)"
            columns = [[one[place] for one in values] for place in (0, 1)]
            found = connection.execute(sql_tallies("lane", asked, 2, "key"), columns).fetchall()
            here = total(tally_of("lane", "k", one) for one in values)
            assert [("k", *here)] == [(part, count, int(high), int(low)) for part, count, high, low in found]

        check()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-1000, max_value=1000).map(float)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('abé"\\\n', max_size=4), inner, max_size=4),
    max_leaves=12,
)


def test_json_is_written_as_postgresql_writes_it(legacy_database: LegacyDatabase) -> None:
    with psycopg.connect(legacy_database.dsn, autocommit=True) as connection:

        @settings(max_examples=100, deadline=None)
        @given(JSON, st.booleans())
        def check(value: object, is_ascii: bool) -> None:
            text = json.dumps(value, ensure_ascii=is_ascii)
            [(stored,)] = connection.execute("SELECT %s::jsonb::text", (text,)).fetchall()
            assert jsonb_text(text) == stored

        check()


def _sums(entries: list[tuple[str, Lane, str]], digits: int) -> Sums:
    sums = Sums(digits)
    for key, lane, name in entries:
        sums.add(key, lane, tally_of(lane.name, key, (name,)))
    return sums


@pytest.mark.parametrize("digits", [1, 2, 3])
def test_exactly_the_ranges_that_differ_are_looked_into(digits: int) -> None:
    entries = [(key, lane, "x") for key in KEYS for lane in (ROWS, OTHER)]
    changed = [*entries[:40], (entries[40][0], entries[40][1], "y"), *entries[41:]]
    rows, home = _sums(entries, digits), _sums(changed, digits)

    same = differing(rows.by_range(), rows.by_range(), digits)
    other = differing(rows.by_range(), home.by_range(), digits)

    assert (same.differing, same.comparisons) == ((), 2)
    assert other.differing == (entries[40][0][:digits],)
    assert other.comparisons == 2 + 16 * digits


def test_two_entries_that_were_swapped_differ() -> None:
    entries = [(KEYS[0], ROWS, "a"), (KEYS[1], ROWS, "b")]
    swapped = [(KEYS[0], ROWS, "b"), (KEYS[1], ROWS, "a")]
    twice = [*entries, (KEYS[1], ROWS, "b")]

    for others in (swapped, twice, entries[:1]):
        assert differing(_sums(entries, 1).by_range(), _sums(others, 1).by_range(), 1).differing


def test_keys_of_whom_something_is_kept_beside_are_compared_with_both() -> None:
    key = KEYS[0]
    home = _sums([(key, ROWS, "a"), (key, OTHER, "kept")], 1)
    rows = {(key, "rows"): tally_of("rows", key, ("a",))}
    whole = home.of(key).whole
    ranges = {key[:1]}

    assert keys_that_differ(rows, home, {}, ranges, {"rows"}) == {key}
    assert keys_that_differ(rows, home, {key: whole}, ranges, {"rows"}) == set()
    assert keys_that_differ(rows, home, {key: rows[key, "rows"]}, ranges, {"rows"}) == {key}
    assert keys_that_differ({}, home, {key: whole}, ranges, {"rows"}) == {key}


def test_keys_that_are_no_ids_have_a_range_of_their_own() -> None:
    home = _sums([("ERASURE#x", OTHER, "a")], 2)

    assert differing({}, home.by_range(), 2).differing == (REST,)
    assert keys_that_differ({}, home, {}, {REST}, {"rows"}) == {"ERASURE#x"}


def test_ranges_grow_with_the_number_of_keys() -> None:
    assert [digits_for(number) for number in (0, 1_000, 10_000, 200_000, 10**7)] == [1, 1, 2, 3, 5]


def test_sums_of_segments_add_up_to_those_of_the_whole() -> None:
    entries = [(key, lane, "x") for key in KEYS for lane in (ROWS, OTHER)]
    merged = _sums(entries[:100], 2)
    merged.merge(_sums(entries[100:], 2))

    whole = _sums(entries, 2)
    assert merged.by_range() == whole.by_range()
    assert {key: merged.of(key) for key in merged.held_keys()} == {key: whole.of(key) for key in whole.held_keys()}


def _report(**changes: object) -> dict[str, object]:
    sums = _sums([(key, ROWS, "a") for key in KEYS[:9]], 1).by_range()
    found = Verification(NOW, NOW, digits=1, rows_by_range=sums, home_by_range=sums)
    return report_of(found) | changes


def test_a_report_agrees_with_the_entries_that_it_is_of(tmp_path: Path) -> None:
    report, entries = tmp_path / "report.json", tmp_path / "entries.jsonl"
    report.write_text(written(_report()))
    entries.write_text("".join(json.dumps(["rows", key, "a"]) + "\n" for key in KEYS[:9]))

    assert recompute.main([str(report), str(entries)], io.StringIO()) == recompute.AGREES
    entries.write_text("".join(json.dumps(["rows", key, "a"]) + "\n" for key in KEYS[1:9]))
    said = io.StringIO()
    assert recompute.main([str(report), str(entries)], said) == recompute.DIFFERS
    assert "had 9 entries" in said.getvalue()


def test_a_report_that_was_changed_or_is_none_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    for content, code in (
        (json.dumps(_report(verdict="not clean")), recompute.DIFFERS),
        ("{}", recompute.UNREADABLE),
        ("no JSON", recompute.UNREADABLE),
    ):
        path.write_text(content)
        assert recompute.main([str(path)], io.StringIO()) == code
    assert recompute.main([str(tmp_path / "absent")], io.StringIO()) == recompute.UNREADABLE
    assert recompute.main([], io.StringIO()) == recompute.UNREADABLE


def test_tallies_count_against_each_other() -> None:
    one, other = tally_of("l", "k", ("a",)), tally_of("l", "k", (None,))
    assert one.plus(other).minus(other) == one
    assert NOTHING.minus(one).plus(one) == NOTHING == Tally()
    assert tally_of("l", "k", ("a",)) != tally_of("l", "k", ("a", None))
