"""What the explorer goes through: each scenario is a phase, people, and who does what at the same time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from chalicelib.migration.phases import Phase
from chalicelib.migration.ports import ItemKey, Key, RawItem
from tests.migration.engine.people import anchor, guard_key, note, person
from tests.migration.explorer.search import Violation
from tests.migration.explorer.world import Parts, Process, SmallWorld

Scenario = Callable[[Parts], SmallWorld]
HOURS = timedelta(hours=9)
"""Longer than any run: nobody takes a move over."""


Held = Mapping[Key, Mapping[ItemKey, RawItem]]
ONE: Held = {"a": person("a") | note("a", "first")}


def _world(phase: Phase, parts: Parts, held: Held = ONE, *, is_copied: bool = True, **more: object) -> SmallWorld:
    """A world that stands in a phase, with people in PostgreSQL, who were copied or were not."""
    world = SmallWorld(phase, parts, **more)  # type: ignore[arg-type]  # the fields' own types
    for key, items in held.items():
        world.has(key, items, is_copied=is_copied)
    world.begin()
    return world


def _copies(process: Process) -> None:
    process.copier.copy("a")


def _drains(process: Process) -> None:
    process.drainer.drain(10)


def _cuts_over(process: Process) -> None:
    process.mover.move(Phase.CUT_OVER, "operator", "it is time")


def _kills(process: Process) -> None:
    process.mover.kill("operator", "something is wrong")


def _mends(process: Process) -> None:
    process.mover.mend()


def writes_and_copies(parts: Parts) -> SmallWorld:
    """The service and another program write while a backfill and a drainer copy."""
    world = _world(Phase.DUAL_WRITE, parts, is_copied=False)
    world.adds("w1")
    world.adds_from_outside("f1")
    world.acts("backfill", _copies)
    world.acts("drainer", _drains)
    return world


def large_holdings(parts: Parts) -> SmallWorld:
    """A holding that takes several transactions is copied by two at once while it changes."""
    large = {"a": person("a") | note("a", "1") | note("a", "2") | note("a", "3")}
    world = _world(Phase.BACKFILL, parts, large, is_copied=False, most_actions=5)
    world.changes_from_outside("3")
    world.acts("backfill", _copies)
    world.acts("other backfill", _copies)
    world.adds("w1")
    return world


def shared_reads(parts: Parts) -> SmallWorld:
    """Reads come from home while PostgreSQL is primary."""
    world = _world(Phase.READ_FALLBACK, parts)
    world.adds("w1")
    world.adds_from_outside("f1")
    world.reads()
    world.acts("drainer", _drains)
    return world


def shared_reads_of_large_holdings(parts: Parts) -> SmallWorld:
    """A reader comes while a holding is replaced in several steps."""
    world = _world(Phase.READ_FALLBACK, parts, {"a": person("a")}, most_actions=4)

    def adds_three(process: Process) -> None:
        items = note("a", "1") | note("a", "2") | note("a", "3")
        process.postgres.write_foreign("a", items)
        world.promised["a"] = set(items)

    world.actor("f1 adds three from outside", adds_three, may_crash=False)
    world.acts("drainer", _drains)
    world.acts("other drainer", _copies)
    world.reads()
    return world


def cut_over(parts: Parts) -> SmallWorld:
    """The primary moves home while everybody goes on, and reads come from PostgreSQL until then."""
    world = _world(Phase.READ_FALLBACK, parts, overdue_after=HOURS, percent=0)
    world.adds("w1")
    world.adds_from_outside("f1")
    world.acts("mover", _cuts_over)
    world.reads()
    return world


def cut_over_alone(parts: Parts) -> SmallWorld:
    """The primary moves home while the other side does not answer those who write, and somebody reads twice."""
    world = _world(Phase.READ_FALLBACK, parts, overdue_after=HOURS, percent=0, asides_fail=True)
    world.acts("mover", _cuts_over)
    world.adds("w1")
    world.reads(times=2)
    return world


def cut_over_and_late_copies(parts: Parts) -> SmallWorld:
    """A copier of large holdings is held up until after the primary has moved, and a user writes at home."""
    world = _world(Phase.READ_FALLBACK, parts, {"a": person("a") | note("a", "1")}, most_actions=4, overdue_after=HOURS)
    world.acts("late repair", lambda process: process.copier.repair("a"))
    world.adds_from_outside("f1")
    world.acts("mover", _cuts_over)
    world.adds("w1")
    return world


def cut_over_twice(parts: Parts) -> SmallWorld:
    """A second mover believes that the first is lost, and undoes what it does."""
    world = _world(Phase.READ_FALLBACK, parts)
    world.acts("mover", _cuts_over)
    world.acts("mender", _mends)
    world.adds("w1")
    world.reads()
    return world


def cut_over_and_kill(parts: Parts) -> SmallWorld:
    """The kill switch is thrown in the middle of a cut-over."""
    world = _world(Phase.READ_FALLBACK, parts)
    world.acts("mover", _cuts_over)
    world.acts("killer", _kills)
    world.adds("w1")
    return world


def writes_at_home(parts: Parts) -> SmallWorld:
    """Two users write the same holding at home; whoever crashes leaves a mark."""
    world = _world(Phase.CUT_OVER, parts)
    world.adds("w1")
    world.adds("w2")
    world.acts("replayer", lambda process: process.replayer.replay())
    world.reads()
    world.leases_end()
    return world


def roll_back(parts: Parts) -> SmallWorld:
    """The primary moves back while users write and read."""
    world = _world(Phase.CUT_OVER, parts, overdue_after=HOURS)
    world.adds("w1")
    world.adds("w2")
    world.acts("killer", _kills)
    world.reads()
    return world


def roll_back_alone(parts: Parts) -> SmallWorld:
    """The primary moves back while neither side answers those who write on the other, and somebody reads twice."""
    world = _world(Phase.CUT_OVER, parts, overdue_after=HOURS, asides_fail=True)
    world.adds("w1")
    world.acts("killer", _kills)
    world.reads(times=2)
    return world


def roll_back_and_late_replay(parts: Parts) -> SmallWorld:
    """A replayer is held up until after the primary has moved back, and a user writes there."""
    world = _world(Phase.CUT_OVER, parts, overdue_after=HOURS)
    mark = Process(world, None).marks.put("a", 1)
    Process(world, None).marks.hand_over(mark)
    world.acts("late replayer", lambda process: process.replayer.replay())
    world.acts("killer", _kills)
    world.adds("w1")
    return world


def roll_back_twice(parts: Parts) -> SmallWorld:
    """Two throw the kill switch, and one is taken for lost."""
    world = _world(Phase.CUT_OVER, parts)
    world.acts("killer", _kills)
    world.acts("mender", _mends)
    world.adds("w1")
    return world


def there_and_back(parts: Parts) -> SmallWorld:
    """The primary moves home and back at once, with a user in between and another program all the time."""
    world = _world(Phase.READ_FALLBACK, parts, overdue_after=HOURS)

    def both(process: Process) -> None:
        _cuts_over(process)
        _kills(process)

    world.acts("mover", both)
    world.adds("w1")
    world.adds_from_outside("f1")
    world.acts("drainer", _drains)
    return world


def erasure_before(parts: Parts) -> SmallWorld:
    """Somebody is erased in PostgreSQL while copies of them are on their way."""
    world = _world(Phase.DUAL_WRITE, parts)
    world.adds("w1")
    world.acts("backfill", _copies)
    world.is_erased()
    world.acts("drainer", _drains)
    world.reads()
    return world


def erasure_after(parts: Parts) -> SmallWorld:
    """Somebody is erased at home, then the primary moves back."""
    world = _world(Phase.CUT_OVER, parts, overdue_after=HOURS)
    world.adds("w1")
    world.is_erased()
    world.acts("killer", _kills)
    world.reads()
    return world


def restored(parts: Parts) -> SmallWorld:
    """Another program brings somebody back into PostgreSQL who was erased at home: home must not follow."""
    world = _world(Phase.CUT_OVER, parts, {"a": person("a")}, overdue_after=HOURS)
    world.is_erased()

    def restores(process: Process) -> None:
        process.postgres.write_foreign("a", person("a"))
        try:
            process.copier.copy("a")
        finally:
            process.postgres.write_foreign("a", {}, [anchor("a")])
        if anchor("a") in world.table.items and "a" in world.erased & world.erased_at_home:
            raise Violation("somebody erased is back at home")

    world.acts("killer", _kills, may_crash=False)
    world.acts("restorer", restores, may_crash=False)
    return world


def late_commits(parts: Parts) -> SmallWorld:
    """A change is numbered first and committed last."""
    world = _world(Phase.DUAL_WRITE, parts, {"a": person("a"), "b": person("b")})
    items = note("b", "slow")

    def is_slow(process: Process) -> None:
        number = process.postgres.draw_number()
        process.postgres.write_numbered("b", items, number)
        world.promised["b"] = set(items)

    world.actor("slow transaction", is_slow, may_crash=False)
    world.adds_from_outside("f1")
    world.acts("drainer", _drains)
    return world


def guards_change_hands(parts: Parts) -> SmallWorld:
    """An address goes from one person to another while both are copied, one of them late."""
    world = _world(Phase.BACKFILL, parts, {"a": person("a", email="x@y"), "b": person("b")})

    def hands_over(process: Process) -> None:
        process.postgres.write_foreign("a", person("a"), [guard_key("x@y")])
        process.postgres.write_foreign("b", person("b", email="x@y"))

    world.actor("address", hands_over, may_crash=False)
    world.acts("copies a", _copies)
    world.acts("copies b", lambda process: process.copier.copy("b"))
    world.acts("drainer", _drains)
    return world


SCENARIOS: Mapping[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        writes_and_copies,
        large_holdings,
        shared_reads,
        shared_reads_of_large_holdings,
        cut_over,
        cut_over_alone,
        cut_over_and_late_copies,
        cut_over_twice,
        cut_over_and_kill,
        writes_at_home,
        roll_back,
        roll_back_alone,
        roll_back_and_late_replay,
        roll_back_twice,
        there_and_back,
        erasure_before,
        erasure_after,
        restored,
        late_commits,
        guards_change_hands,
    )
}
