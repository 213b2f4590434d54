"""The trail of old jobs, as objects."""

from __future__ import annotations

import gzip
import json

import psycopg
import pytest

from chalicelib.migration.postgres import connect, rows
from chalicelib.migration.serenya.columns import JOB_EVENTS
from chalicelib.migration.serenya.events import EventsHidden, event_pages
from dev.legacy.server import LegacyDatabase
from dev.legacy_data import generate, load


@pytest.fixture
def database(legacy_database: LegacyDatabase) -> LegacyDatabase:
    with psycopg.connect(legacy_database.dsn, autocommit=True) as connection:
        load(connection, generate(60, each=1))
    return legacy_database


def test_every_event_is_a_line_with_every_column(database: LegacyDatabase) -> None:
    connection = connect(database.dsn)
    lines = [
        json.loads(line)
        for page in event_pages(connection, page_size=3)
        for line in gzip.decompress(page.content).decode().splitlines()
    ]
    [(count,)] = rows(connection, "SELECT count(*) FROM processing_job_events")
    assert len(lines) == count > 0
    assert {one["id"] for one in lines} == {row[0] for row in rows(connection, "SELECT id FROM processing_job_events")}
    assert all(set(one) == {*JOB_EVENTS, "job"} for one in lines)


def test_the_same_rows_are_the_same_objects(database: LegacyDatabase) -> None:
    connection = connect(database.dsn)
    assert list(event_pages(connection)) == list(event_pages(connection))


def test_rows_that_were_purged_take_nothing_away_from_what_was_kept(database: LegacyDatabase) -> None:
    connection = connect(database.dsn)
    before = {page.name for page in event_pages(connection)}
    rows(
        connection,
        "DELETE FROM processing_job_events WHERE id = (SELECT min(id::text)::uuid FROM processing_job_events)",
    )
    after = {page.name: page for page in event_pages(connection)}
    changed = [page for name, page in after.items() if name not in before]
    assert len(changed) <= 1


def test_whoever_is_shown_a_part_only_is_refused(database: LegacyDatabase) -> None:
    with pytest.raises(EventsHidden, match="owner"):
        next(event_pages(connect(database.reader_dsn)))
