"""Changes on the relational side are noted whoever makes them, in the transaction that makes them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.migration.changes import MOST_FAILURES, PostgresChanges
from chalicelib.migration.fence import PostgresFence
from chalicelib.migration.installing import NotInstallable
from chalicelib.migration.pool import Pool
from chalicelib.migration.postgres import connect, rows, sqlstate
from chalicelib.migration.schema import CLOSED, FROM_HOME, Additions, Tracked
from dev.legacy.server import LegacyDatabase
from tests.migration.engine.people import TRACKED

Sql = Any


@pytest.fixture
def changes(people_pool: Pool) -> PostgresChanges:
    return PostgresChanges(people_pool, TRACKED)


def _noted(sql: Sql) -> list[tuple[str, str, str]]:
    """What was noted since the last look."""
    found = sql("SELECT key, table_name, operation FROM migration.changes ORDER BY number")
    sql("DELETE FROM migration.changes")
    return [tuple(row) for row in found]


def _two_people(sql: Sql) -> None:
    sql("INSERT INTO people VALUES ('a', 'Ada', 'a@x'), ('b', 'Bo', NULL)")
    sql("INSERT INTO drawers VALUES ('da', 'a'), ('db', 'b')")
    sql("INSERT INTO notes VALUES ('da/1', 'da', 'one'), ('da/2', 'da', 'two'), ('db/1', 'db', 'three')")
    _noted(sql)


def test_every_kind_of_change_is_noted_for_whom_it_belongs_to(changes: PostgresChanges, sql: Sql) -> None:
    _two_people(sql)
    for statement, expected in (
        ("UPDATE people SET name = 'Eve' WHERE id = 'a'", [("a", "people", "UPDATE")]),
        ("INSERT INTO notes VALUES ('db/2', 'db', 'four')", [("b", "notes", "INSERT")]),
        ("UPDATE notes SET body = 'x'", [("a", "notes", "UPDATE"), ("b", "notes", "UPDATE")]),
        ("UPDATE notes SET body = 'x' WHERE false", []),
        (
            "UPDATE drawers SET person_id = 'b' WHERE id = 'da'",
            [("a", "drawers", "UPDATE"), ("b", "drawers", "UPDATE")],
        ),
        ("DELETE FROM notes WHERE id = 'db/1'", [("b", "notes", "DELETE")]),
        ("INSERT INTO migration.extras (pk, sk, key, item) VALUES ('P', 'S', 'a', '{}')", [("a", "extras", "INSERT")]),
    ):
        sql(statement)
        assert sorted(_noted(sql)) == sorted(expected), statement


def test_a_deletion_that_cascades_is_noted(changes: PostgresChanges, sql: Sql) -> None:
    _two_people(sql)

    sql("DELETE FROM people WHERE id = 'a'")

    assert {key for key, _, _ in _noted(sql)} == {"a"}


def test_an_emptied_table_is_noted_for_everybody_in_it(changes: PostgresChanges, sql: Sql) -> None:
    _two_people(sql)

    sql("TRUNCATE people CASCADE")

    assert {(key, table) for key, table, _ in _noted(sql)} >= {("a", "people"), ("b", "people"), ("a", "notes")}


def test_what_is_rolled_back_leaves_no_note(changes: PostgresChanges, people_pool: Pool, sql: Sql) -> None:
    _two_people(sql)
    with pytest.raises(RuntimeError), people_pool.transaction() as cursor:
        cursor.execute("UPDATE people SET name = 'Eve'")
        raise RuntimeError

    assert _noted(sql) == []
    assert changes.backlog() == 0


def test_a_statement_over_many_counts_each_once(changes: PostgresChanges, sql: Sql) -> None:
    sql("INSERT INTO people SELECT 'p' || n, 'Name', NULL FROM generate_series(1, 500) AS n")
    before = sql("SELECT revision FROM migration.revisions WHERE key = 'p7'")

    sql("UPDATE people SET name = 'Other'")

    assert changes.backlog() == 1_000
    assert sql("SELECT revision FROM migration.revisions WHERE key = 'p7'")[0][0] == before[0][0] + 1


def test_other_roles_are_noted_and_need_no_rights_on_the_notes(
    changes: PostgresChanges, sql: Sql, legacy_database: LegacyDatabase, people_pool: Pool
) -> None:
    sql("DROP ROLE IF EXISTS clerk")
    sql("CREATE ROLE clerk")
    sql("GRANT INSERT ON people TO clerk")
    with people_pool.transaction() as cursor:
        cursor.execute("SET LOCAL ROLE clerk")
        cursor.execute("INSERT INTO people VALUES ('c', 'Cy', NULL)")
    sql("DROP OWNED BY clerk")
    sql("DROP ROLE clerk")

    assert [key for key, _, _ in _noted(sql)] == ["c"]


def test_who_replays_a_replication_is_noted_too(changes: PostgresChanges, people_pool: Pool, sql: Sql) -> None:
    with people_pool.transaction() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("INSERT INTO people VALUES ('r', 'Ro', NULL)")

    assert [key for key, _, _ in _noted(sql)] == ["r"]


def test_a_change_that_commits_late_is_found_although_later_numbers_were_settled(
    changes: PostgresChanges, people_pool: Pool, sql: Sql
) -> None:
    with people_pool.transaction() as slow:
        slow.execute("INSERT INTO people VALUES ('slow', 'So', NULL)")
        sql("INSERT INTO people VALUES ('quick', 'Qu', NULL)")
        (quick,) = changes.waiting(10)
        changes.settle([quick.number])
    (late,) = changes.waiting(10)

    assert (quick.key, late.key) == ("quick", "slow")
    assert late.number < quick.number


def test_revisions_of_one_key_are_counted_one_after_the_other(changes: PostgresChanges, sql: Sql) -> None:
    _two_people(sql)
    before = sql("SELECT migration.revision_of('a')")[0][0]

    def write() -> None:
        for _ in range(20):
            sql("UPDATE people SET name = name || '.' WHERE id = 'a'")

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = [row[0] for row in sql("SELECT revision FROM migration.changes WHERE key = 'a' ORDER BY revision")]
    assert found == list(range(before + 1, before + 81))


def test_settling_a_copy_forgets_what_it_contains_and_nothing_later(changes: PostgresChanges, sql: Sql) -> None:
    _two_people(sql)
    sql("UPDATE people SET name = 'one' WHERE id = 'a'")
    reached = sql("SELECT migration.revision_of('a')")[0][0]
    sql("UPDATE people SET name = 'two' WHERE id = 'a'")
    sql("UPDATE people SET name = 'two' WHERE id = 'b'")

    changes.settle_until("a", reached)

    assert changes.waiting(1)[0].revision == reached + 1
    assert changes.backlog() == 2


def test_of_two_drainers_each_claims_notes_of_its_own(changes: PostgresChanges, sql: Sql) -> None:
    sql("INSERT INTO people SELECT 'p' || n, 'Name', NULL FROM generate_series(1, 40) AS n")
    claimed: list[list[int]] = []

    def claim() -> None:
        claimed.append([change.number for change in changes.waiting(10)])

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [number for some in claimed for number in some]

    assert len(numbers) == len(set(numbers)) == 40
    assert changes.waiting(10) == []
    changes.unclaim(numbers[:3])
    assert len(changes.waiting(10)) == 3


def test_a_key_that_fails_waits_and_is_set_aside_until_somebody_copies_it(changes: PostgresChanges, sql: Sql) -> None:
    _two_people(sql)
    sql("UPDATE people SET name = 'x'")

    verdicts = [changes.failed("a", "it is too large") for _ in range(MOST_FAILURES)]

    assert verdicts == [False] * (MOST_FAILURES - 1) + [True]
    assert [change.key for change in changes.waiting(10)] == ["b"]
    assert changes.set_aside() == 1
    assert changes.backlog() == 2
    assert changes.troubles()[0].problem == "it is too large"
    assert not changes.is_noted("a", 10**18), "nobody is bringing it"
    assert changes.is_noted("b", 10**18)
    [(revision,)] = sql("SELECT revision FROM migration.changes WHERE key = 'a' LIMIT 1")
    assert not changes.is_noted("b", 0)
    changes.settle_until("a", revision)
    assert changes.troubles() == [], "whoever copies it takes it out of its trouble"


def test_what_comes_back_from_home_is_counted_and_not_noted(
    changes: PostgresChanges, people_pool: Pool, sql: Sql
) -> None:
    _two_people(sql)
    PostgresFence(people_pool).close(1)
    before = sql("SELECT migration.revision_of('a')")[0][0]
    with people_pool.transaction() as cursor:
        cursor.execute(FROM_HOME)
        cursor.execute("UPDATE people SET name = 'Eve' WHERE id = 'a'")

    assert sql("SELECT migration.revision_of('a')")[0][0] == before + 1
    assert _noted(sql) == []


def test_while_the_fence_is_closed_other_programs_are_refused(
    changes: PostgresChanges, people_pool: Pool, sql: Sql
) -> None:
    _two_people(sql)
    fence = PostgresFence(people_pool)
    fence.close(1)
    with pytest.raises(Exception, match="not the primary") as refused:
        sql("UPDATE people SET name = 'Eve'")
    fence.open(2, ["b"])
    sql("UPDATE people SET name = 'Eve' WHERE id = 'a'")
    with pytest.raises(Exception, match="held back"):
        sql("UPDATE people SET name = 'Eve' WHERE id = 'b'")
    fence.release(["b"])
    sql("UPDATE people SET name = 'Eve' WHERE id = 'b'")

    assert sqlstate(refused.value) == CLOSED
    assert {key for key, _, _ in _noted(sql)} == {"a", "b"}


def test_installing_and_removing_twice_is_fine_and_leaves_nothing(changes: PostgresChanges, sql: Sql) -> None:
    changes.install()
    assert changes.is_installed()
    sql("ALTER TABLE notes DISABLE TRIGGER migration_went")
    assert not changes.is_installed()
    changes.install()
    assert changes.is_installed()

    changes.remove()
    changes.remove()

    assert not changes.is_installed()
    assert sql("SELECT tgname FROM pg_trigger WHERE tgname LIKE 'migration%%' AND %s", True) == []
    assert sql("SELECT 1 FROM pg_namespace WHERE nspname = 'migration'") == []
    sql("INSERT INTO people VALUES ('z', 'Zoe', NULL)")


def test_revisions_go_on_growing_after_a_new_installation(changes: PostgresChanges, sql: Sql) -> None:
    sql("INSERT INTO people VALUES ('a', 'Ada', NULL)")
    before = sql("SELECT migration.revision_of('a')")[0][0]

    changes.remove()
    changes.install()

    assert sql("SELECT migration.revision_of('a')")[0][0] > before


def test_an_installation_knows_since_when_it_notes_and_a_later_one_is_later(changes: PostgresChanges, sql: Sql) -> None:
    first, now = changes.installed_at(), sql("SELECT clock_timestamp()")[0][0]
    assert first is not None
    assert timedelta(0) < now - first < timedelta(minutes=5)
    changes.install()
    assert changes.installed_at() == first, "up to date is not anew"

    changes.remove()
    assert changes.installed_at() is None
    changes.install()
    later = changes.installed_at()

    assert later is not None
    assert later > now


def test_two_who_install_at_once_do_not_fail(changes: PostgresChanges) -> None:
    changes.remove()
    problems: list[BaseException] = []

    def install() -> None:
        try:
            changes.install()
        except BaseException as problem:  # noqa: BLE001  # looked at below
            problems.append(problem)

    threads = [threading.Thread(target=install) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []
    assert changes.is_installed()


def test_an_installation_that_would_not_see_every_row_is_refused(
    changes: PostgresChanges, sql: Sql, legacy_database: LegacyDatabase
) -> None:
    sql("ALTER TABLE people ENABLE ROW LEVEL SECURITY")
    pool = Pool(lambda: connect(legacy_database.reader_dsn))
    with pytest.raises(NotInstallable, match="people"):
        PostgresChanges(pool, [Tracked("people", "id")]).install()
    pool.close()


def test_a_broken_connection_is_told_as_silence_and_another_is_opened(people_pool: Pool) -> None:
    from chalicelib import errors

    with pytest.raises(errors.Unavailable), people_pool.lend() as connection:
        rows(connection, "SELECT pg_terminate_backend(pg_backend_pid())")
    with people_pool.lend() as connection:
        assert rows(connection, "SELECT 1") == [(1,)]


FURTHER = Additions(
    sql="""CREATE OR REPLACE FUNCTION migration.shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        CREATE OR REPLACE TRIGGER a_shout BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION migration.shout();""",
    triggers=[("people", "a_shout")],
    indexes={"migration_people_by_name": "people (name)", "migration_people_by_email": "people (lower(email))"},
)
TAKEN = {
    "a trigger that is gone": "DROP TRIGGER a_shout ON people",
    "a trigger that is off": "ALTER TABLE people DISABLE TRIGGER a_shout",
    "a function that is gone": "DROP FUNCTION migration.shout CASCADE",
    "an index that is gone": "DROP INDEX migration_people_by_email",
    "an index that a crash left half built": "UPDATE pg_index SET indisvalid = false "
    "WHERE indexrelid = 'migration_people_by_name'::regclass",
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_a_mapping_needs_is_part_of_the_installation(people_pool: Pool, sql: Sql, name: str) -> None:
    changes = PostgresChanges(people_pool, TRACKED, FURTHER)
    assert not changes.is_installed(), "the engine's half alone is not all of it"
    changes.install()
    assert changes.is_installed()
    sql(TAKEN[name])
    assert not changes.is_installed()
    changes.install()
    assert changes.is_installed()
    changes.remove()
    assert sql("SELECT 1 FROM pg_trigger WHERE tgname = 'a_shout'") == []
    assert sql("SELECT 1 FROM pg_indexes WHERE indexname LIKE 'migration%%' AND %s", True) == []


def test_an_installation_that_breaks_off_has_changed_nothing(people_pool: Pool, sql: Sql) -> None:
    changes = PostgresChanges(people_pool, TRACKED)
    changes.remove()
    broken = replace(FURTHER, sql=FURTHER.sql + "SELECT 1 / 0;")
    with pytest.raises(Exception, match="division by zero"):
        PostgresChanges(people_pool, TRACKED, broken).install()
    assert sql("SELECT to_regnamespace('migration') IS NULL") == [(True,)]
    assert sql("SELECT 1 FROM pg_trigger WHERE tgname LIKE '%%migration%%' AND %s", True) == []


def test_two_who_install_indexes_at_once_do_not_fail(people_pool: Pool) -> None:
    changes = PostgresChanges(people_pool, TRACKED, FURTHER)
    with ThreadPoolExecutor(3) as pool:
        for installed in [pool.submit(changes.install) for _ in range(3)]:
            installed.result(30)
    assert changes.is_installed()
