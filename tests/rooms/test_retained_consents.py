"""What is kept of consents after an erasure: whole, and seen to be broken when it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.config import Settings
from chalicelib.models import keys
from chalicelib.models.consent import ConsentEntryItem, RetainedChainItem
from chalicelib.privacy import chain_check
from chalicelib.privacy.chain_check import ChainCheck
from chalicelib.privacy.consent_ledger import Fault
from chalicelib.stores.consents import ConsentStore
from tests.rooms.documents_world import World, empty_bucket, make_bucket
from tests.rooms.leaving_world import Leaving
from tests.support import SettableClock


@pytest.fixture(autouse=True)
def _stage_of_the_command(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command asks the process for its stage, which another test may have loaded before."""
    monkeypatch.setattr(chain_check, "settings", lambda: settings)


@pytest.fixture
def leaving(table: TableConnection, settings: Settings, clock: SettableClock) -> Iterator[Leaving]:
    make_bucket(settings)
    found = Leaving(settings, clock, World(settings, clock))
    found.settle()
    yield found
    empty_bucket(settings)


@pytest.fixture
def retained_id(leaving: Leaving) -> str:
    """The random key under which the consents of somebody erased are kept."""
    leaving.ask()
    leaving.run(2)
    return _retained_id(leaving)


def _retained_id(leaving: Leaving) -> str:
    (found,) = {item["PK"]["S"] for item in leaving.kept()}
    return str(found).removeprefix(keys.retained_partition(""))


def _entries(retained_id: str) -> list[ConsentEntryItem]:
    return ConsentStore().retained_ledger(retained_id)


def _check(leaving: Leaving) -> ChainCheck:
    return ChainCheck(leaving.world.users, ConsentStore(), leaving.erasures)


def _faults(leaving: Leaving, retained_id: str) -> set[Fault]:
    found = _check(leaving).retained_findings(retained_id)
    assert found is not None
    return {one.fault for one in found}


def test_the_end_of_a_ledger_is_kept_beside_its_entries(leaving: Leaving, retained_id: str) -> None:
    chain = RetainedChainItem.get(*keys.retained_chain_key(retained_id))
    assert chain.data.length == len(_entries(retained_id)) == 5
    assert chain.ttl is None
    assert _faults(leaving, retained_id) == set()
    assert chain_check.main(["--retained", retained_id]) == chain_check.main(["--all"]) == 0


def test_entries_cut_off_the_end_of_what_is_kept_are_missed(leaving: Leaving, retained_id: str) -> None:
    for entry in _entries(retained_id)[-2:]:
        entry.delete()
    assert _faults(leaving, retained_id) == {Fault.WRONG_LENGTH, Fault.WRONG_HEAD}
    assert chain_check.main(["--retained", retained_id]) == chain_check.main(["--all"]) == 1


def test_an_end_without_any_entry_is_broken(leaving: Leaving, retained_id: str) -> None:
    for entry in _entries(retained_id):
        entry.delete()
    assert Fault.WRONG_LENGTH in _faults(leaving, retained_id)
    assert chain_check.main(["--all"]) == 1


def test_entries_without_their_end_are_broken(leaving: Leaving, retained_id: str) -> None:
    RetainedChainItem(*keys.retained_chain_key(retained_id)).delete()
    assert _faults(leaving, retained_id) == {Fault.NO_HEAD}
    assert chain_check.main(["--all"]) == 1


def test_a_ledger_that_an_erasure_is_moving_is_no_fault_until_it_has_arrived(
    leaving: Leaving, caplog: pytest.LogCaptureFixture
) -> None:
    """For days, if a provider is down: the entries have gone ahead, the profile has not."""
    leaving.grants.failures = 1
    leaving.ask()
    leaving.deliver()
    assert _check(leaving).findings(leaving.user_id) == []
    assert "consent_chain_on_the_move" in [record.message for record in caplog.records]
    assert chain_check.main(["--all"]) == 0

    leaving.run(15)
    _entries(_retained_id(leaving))[-1].delete()
    assert _check(leaving).findings(leaving.user_id) is None
    assert chain_check.main(["--all"]) == 1
