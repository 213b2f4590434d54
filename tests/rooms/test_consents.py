"""Consents of the signed-in: chosen one by one, in races, at sign-in, and checked by an operator."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.config import Settings
from chalicelib.models.consent import ConsentEntryItem
from chalicelib.models.profile import UserItem
from chalicelib.models.states import AccountStatus, ConsentSource, ConsentType
from chalicelib.privacy import chain_check
from chalicelib.privacy.chain_check import ChainCheck
from chalicelib.privacy.consent_choices import HISTORY_PAGE, ConsentChoices
from chalicelib.privacy.consent_ledger import faults, hash_of, state_at
from chalicelib.privacy.contract import ConsentRequest, ConsentsAnswer
from chalicelib.stores.consents import ConsentStore
from chalicelib.stores.erasures import Erasures
from chalicelib.stores.users import Users
from chalicelib.web.request import Caller
from tests.rooms.identity_questions import counted, stored
from tests.support import SettableClock
from tests.unit.identity.world import ALL_TICKED, World

KIND = ConsentType.HEALTHCARE_CONSULTATION
WITHDRAW = ConsentRequest(consent_given=False)


@pytest.fixture(autouse=True)
def _stage_of_the_command(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command asks the process for its stage, which another test may have loaded before."""
    monkeypatch.setattr(chain_check, "settings", lambda: settings)


@pytest.fixture
def world(any_engine_for_long: TableConnection, clock: SettableClock) -> World:
    return World(clock)


@pytest.fixture
def quick(table: TableConnection, clock: SettableClock) -> World:
    """The same on moto alone, for what no engine decides."""
    return World(clock)


def _choices(world: World) -> ConsentChoices:
    return ConsentChoices(Users(), ConsentStore(), world.rule, world.clock)


def _signed_in(world: World, **changes: Any) -> Caller:
    answer = world.signed_in(**changes)
    return Caller(answer.user.id, answer.session.session_id)


def _user(user_id: str) -> UserItem:
    user = Users().by_id(user_id)
    assert user is not None
    return user


def _ledger(user_id: str) -> list[ConsentEntryItem]:
    return ConsentStore().ledger(user_id)


def _is_whole(user_id: str) -> bool:
    user = _user(user_id)
    return faults(_ledger(user_id), user.data.consent_chain, user.data.consents) == []


def _give(version: str = "3") -> ConsentRequest:
    return ConsentRequest(consent_given=True, consent_version=version)


def _at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        gate.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_a_sign_up_opens_the_ledger_with_five_entries_in_its_one_transaction(world: World) -> None:
    with counted() as asked:
        caller = _signed_in(world, consent_acknowledgments={**ALL_TICKED, "ui_checkbox_group": 2})

    assert asked == ["GetItem", "TransactWriteItems"]
    entries = [item.data for item in _ledger(caller.user_id)]
    assert {entry.consent_type for entry in entries} == set(ConsentType)
    for entry in entries:
        assert (entry.consent_given, entry.consent_version, entry.consent_method) == (True, "2.1", "bundled_consent")
        assert (entry.source, entry.ui_checkbox_group, entry.changed_at) == (
            ConsentSource.SIGN_UP,
            2,
            world.clock.now(),
        )
    assert _is_whole(caller.user_id)


def test_a_sign_in_that_gives_more_adds_to_the_ledger_in_its_one_transaction(
    world: World, clock: SettableClock
) -> None:
    caller = _signed_in(world)
    clock.advance(timedelta(days=1))
    with counted() as asked:
        _signed_in(world, consent_acknowledgments={"privacy_policy": True, "terms_of_service": True, "version": "3"})

    assert asked == ["GetItem", "GetItem", "TransactWriteItems"]
    added = [item.data for item in _ledger(caller.user_id)[5:]]
    assert [(one.consent_version, one.source) for one in added] == [("3", ConsentSource.SIGN_IN)] * 2
    assert _is_whole(caller.user_id)


def test_a_sign_in_that_gives_nothing_new_leaves_the_ledger_alone(quick: World) -> None:
    caller = _signed_in(quick)
    _signed_in(quick)
    _signed_in(quick, consent_acknowledgments=None)
    assert len(_ledger(caller.user_id)) == 5
    assert _is_whole(caller.user_id)


def test_a_checkbox_group_that_is_none_is_refused(quick: World) -> None:
    for wrong in ("2", 1.5, True, -1, 10_000):
        with pytest.raises(errors.InvalidRequest, match="ui_checkbox_group"):
            quick.signed_in(consent_acknowledgments={**ALL_TICKED, "ui_checkbox_group": wrong})
    assert stored() == []


def test_a_consent_is_withdrawn_in_one_read_and_one_transaction(world: World, clock: SettableClock) -> None:
    caller = _signed_in(world)
    signed_up_at = clock.now()
    clock.advance(timedelta(hours=1))
    with counted() as asked:
        answer = _choices(world).choose(caller, KIND, WITHDRAW)

    assert asked == ["GetItem", "TransactWriteItems"]
    view = answer.consents.healthcare_consultation
    assert view is not None
    assert (view.consent_given, view.consent_version, view.consent_method) == (False, "2.1", "settings")
    assert (view.created_at, view.updated_at, view.withdrawn_at) == (signed_up_at, clock.now(), clock.now())
    assert _choices(world).show(caller).consents == answer.consents
    assert _is_whole(caller.user_id)


def test_a_withdrawn_consent_is_given_again(quick: World, clock: SettableClock) -> None:
    caller, choices = _signed_in(quick), _choices(quick)
    choices.choose(caller, KIND, WITHDRAW)
    clock.advance(timedelta(hours=1))
    request = ConsentRequest(consent_given=True, consent_version="3", consent_method="one_by_one", ui_checkbox_group=4)
    view = choices.choose(caller, KIND, request).consents.healthcare_consultation

    assert view is not None
    assert (view.consent_given, view.withdrawn_at) == (True, None)
    assert (view.consent_version, view.consent_method, view.ui_checkbox_group) == ("3", "one_by_one", 4)
    assert _is_whole(caller.user_id)


def test_to_say_again_what_stands_changes_nothing(quick: World) -> None:
    caller, choices = _signed_in(quick), _choices(quick)
    choices.choose(caller, KIND, WITHDRAW)
    with counted() as asked:
        choices.choose(caller, KIND, ConsentRequest(consent_given=False, consent_version="7"))
        choices.choose(caller, ConsentType.PRIVACY_POLICY, _give("2.1"))
    assert asked == ["GetItem", "GetItem"]
    assert len(_ledger(caller.user_id)) == 6


def test_a_new_version_of_what_stands_is_an_entry(quick: World) -> None:
    caller = _signed_in(quick)
    _choices(quick).choose(caller, KIND, _give("3"))
    assert [item.data.consent_version for item in _ledger(caller.user_id)[4:]][-1] == "3"
    assert _is_whole(caller.user_id)


def test_a_consent_that_was_never_given_can_be_refused(quick: World) -> None:
    caller = _signed_in(quick)
    user = _user(caller.user_id)
    user.data.consents.privacy_policy = None
    user.save()
    view = _choices(quick).choose(caller, ConsentType.PRIVACY_POLICY, WITHDRAW).consents.privacy_policy
    assert view is not None
    assert (view.consent_given, view.consent_version) == (False, "unspecified")


@pytest.mark.parametrize("name", ["marketing", "", "PRIVACY_POLICY", "privacy_policy ", "data", "id"])
def test_another_type_is_no_consent(quick: World, name: str) -> None:
    caller = _signed_in(quick)
    with pytest.raises(errors.InvalidRequest, match="INVALID_CONSENT_TYPE") as refusal:
        _choices(quick).choose(caller, name, WITHDRAW)
    assert refusal.value.status == 400
    assert len(_ledger(caller.user_id)) == 5


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (ConsentRequest(), "consent_given"),
        (ConsentRequest(consent_version="3"), "consent_given"),
        (ConsentRequest(consent_given=True), "consent_version"),
        (ConsentRequest(consent_given=True, consent_version="  "), "consent_version"),
    ],
)
def test_what_is_missing_is_named(quick: World, request_: ConsentRequest, field: str) -> None:
    caller = _signed_in(quick)
    with pytest.raises(errors.InvalidRequest) as refusal:
        _choices(quick).choose(caller, KIND, request_)
    assert refusal.value.details == {"field": field}


def test_whose_session_ended_can_neither_see_nor_change(quick: World) -> None:
    old = _signed_in(quick)
    _signed_in(quick)
    for call in (partial(_choices(quick).show, old), partial(_choices(quick).choose, old, KIND, WITHDRAW)):
        with pytest.raises(errors.Unauthenticated, match="SESSION_REVOKED"):
            call()
    assert len(_ledger(old.user_id)) == 5


def test_a_suspended_account_changes_nothing(quick: World) -> None:
    caller = _signed_in(quick)
    user = _user(caller.user_id)
    user.data.account_status = AccountStatus.SUSPENDED
    user.save()
    with pytest.raises(errors.Forbidden, match="ACCOUNT_SUSPENDED"):
        _choices(quick).choose(caller, KIND, WITHDRAW)
    assert len(_ledger(caller.user_id)) == 5


def test_who_is_gone_is_not_found(quick: World) -> None:
    with pytest.raises(errors.NotFound, match="PROFILE_NOT_FOUND"):
        _choices(quick).show(Caller("nobody", "no-session"))


def test_the_history_shows_every_change_newest_first_with_its_chain(quick: World, clock: SettableClock) -> None:
    caller, choices = _signed_in(quick), _choices(quick)
    for number in range(HISTORY_PAGE):
        clock.advance(timedelta(minutes=1))
        choices.choose(caller, KIND, _give(str(number)))

    first = choices.show(caller, is_with_history=True)
    with counted() as asked:
        second = choices.show(caller, is_with_history=True, cursor=_cursor(first))
    assert asked == ["GetItem", "Query"]
    assert isinstance(first.history, list)
    assert isinstance(second.history, list)
    shown = first.history + second.history
    assert [one.sequence for one in shown] == list(range(HISTORY_PAGE + 5, 0, -1))
    assert second.next_cursor is None
    for newer, older in pairwise(shown):
        assert newer.previous_hash == older.entry_hash


def _cursor(answer: ConsentsAnswer) -> str:
    assert isinstance(answer.next_cursor, str)
    return answer.next_cursor


@pytest.mark.parametrize("cursor", ["", "x", "2026-01-01", "~", "2026-03-14T09:30:00.000000Z#0000000a"])
def test_a_cursor_that_is_none_is_refused(quick: World, cursor: str) -> None:
    caller = _signed_in(quick)
    with pytest.raises(errors.InvalidRequest, match="INVALID_CURSOR"):
        _choices(quick).show(caller, is_with_history=True, cursor=cursor)


def test_changes_made_at_once_are_all_recorded_and_the_chain_stays_whole(world: World) -> None:
    caller, choices = _signed_in(world), _choices(world)
    kinds = [*ConsentType, *ConsentType]
    calls = [partial(choices.choose, caller, kind, _give(f"v{number}")) for number, kind in enumerate(kinds)]
    _at_once(calls)

    entries = [item.data for item in _ledger(caller.user_id)]
    assert [entry.sequence for entry in entries] == list(range(1, 16))
    assert {entry.consent_version for entry in entries[5:]} == {f"v{number}" for number in range(10)}
    assert _is_whole(caller.user_id)


@pytest.mark.second_engine
def test_a_chain_stays_whole_through_many_changes_and_sign_ins_at_once(
    second_engine: TableConnection, clock: SettableClock
) -> None:
    world = World(clock)
    caller = _signed_in(world)
    for round_number in range(3):
        version = f"round-{round_number}"
        calls: list[Callable[[], Any]] = [
            partial(_tried, partial(_choices(world).choose, caller, kind, _give(version))) for kind in ConsentType
        ]
        again = world.request(consent_acknowledgments={**ALL_TICKED, "version": f"sign-in-{round_number}"})
        calls += [partial(world.sign_in.sign_in, again)] * 3
        answers = _at_once(calls)
        session_id = _user(caller.user_id).data.current_session
        assert session_id is not None
        caller = Caller(caller.user_id, session_id.session_id)
        assert sum(answer is not None for answer in answers) >= 3
        assert _is_whole(caller.user_id)


def _tried(call: Callable[[], Any]) -> Any:
    """A choice whose session a sign-in has replaced meanwhile is refused, which is right."""
    try:
        return call()
    except errors.Unauthenticated:
        return None


def test_the_state_at_any_past_instant_is_recomputed_from_the_ledger(quick: World, clock: SettableClock) -> None:
    caller, choices = _signed_in(quick), _choices(quick)
    expected = [True]
    for is_given in (False, True, False):
        clock.advance(timedelta(hours=6))
        choices.choose(caller, KIND, ConsentRequest(consent_given=is_given, consent_version="1"))
        expected.append(is_given)

    entries = [item.data for item in _ledger(caller.user_id)]
    start = clock.now() - timedelta(hours=18)
    instants = [start + timedelta(hours=6 * number + 3) for number in range(4)]
    assert [state_at(entries, instant)[KIND].consent_given for instant in instants] == expected


def test_the_check_passes_whole_ledgers_and_names_broken_ones(
    world: World, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    if "relational" in request.node.name:
        pytest.skip("the tool asks the table itself, past any door: before a cut-over it checks the copies")
    whole = _signed_in(world)
    broken = _signed_in(world, id_token=world.google.token(sub="other", email="other@example.com"))
    _ledger(broken.user_id)[2].delete()
    caplog.clear()

    assert chain_check.main([whole.user_id]) == 0
    assert chain_check.main([broken.user_id]) == 1
    assert chain_check.main([whole.user_id, broken.user_id]) == 1
    caplog.clear()
    assert chain_check.main(["--all"]) == 1

    lines = [vars(record) for record in caplog.records]
    assert {line["user_id"] for line in lines if line["event"] == "consent_chain_broken"} == {broken.user_id}
    assert {line["fault"] for line in lines if line["event"] == "consent_chain_broken"} >= {"broken_link"}
    assert [(line["checked"], line["broken"]) for line in lines if "checked" in line] == [(2, 1)]


def test_the_check_passes_everybody_when_all_is_well(quick: World) -> None:
    _signed_in(quick)
    assert chain_check.main(["--all"]) == 0


def test_the_check_wants_to_know_whom(quick: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert chain_check.main([]) == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["nobody"], ["--retained", "nobody"]])
def test_an_id_of_which_there_is_nothing_is_no_chain_that_is_whole(
    quick: World, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    known = _signed_in(quick).user_id
    assert chain_check.main([known, *arguments]) == 2
    told = capsys.readouterr().err
    assert "'nobody'" in told
    assert known not in told


def test_a_change_between_the_two_reads_of_the_check_is_no_fault(quick: World) -> None:
    caller = _signed_in(quick)
    choices = _choices(quick)

    class BusyUsers(Users):
        """Somebody changes a consent right after the profile was read for the first time."""

        reads = 0

        def by_id(self, user_id: str) -> UserItem | None:
            user = super().by_id(user_id)
            BusyUsers.reads += 1
            if BusyUsers.reads == 1:
                choices.choose(caller, KIND, WITHDRAW)
            return user

    assert ChainCheck(BusyUsers(), ConsentStore(), Erasures()).findings(caller.user_id) == []
    assert BusyUsers.reads == 2


def test_a_ledger_whose_person_is_gone_is_reported(quick: World) -> None:
    caller = _signed_in(quick)
    _user(caller.user_id).delete()
    assert ChainCheck(Users(), ConsentStore(), Erasures()).findings(caller.user_id)


def test_the_audit_trail_witnesses_every_entry(quick: World, caplog: pytest.LogCaptureFixture) -> None:
    caller = _signed_in(quick)
    _choices(quick).choose(caller, KIND, WITHDRAW)

    lines = [vars(record) for record in caplog.records]
    told = [line for line in lines if line["event"] in ("consent_given", "consent_withdrawn")]
    assert [line["entry_hash"] for line in told] == [hash_of(item.data) for item in _ledger(caller.user_id)]
    assert [line["event"] for line in told] == ["consent_given"] * 5 + ["consent_withdrawn"]
    assert caller.user_id not in json.dumps(told, default=str)
