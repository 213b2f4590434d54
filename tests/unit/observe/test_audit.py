"""The audit trail: a closed vocabulary, all of it in use, and lines that name nobody."""

from __future__ import annotations

import ast
import logging
from typing import Any

import pytest

from chalicelib.observe import audit
from chalicelib.observe.audit import AuditEvent
from chalicelib.observe.log import correlate
from tests.architecture import sources

USER = "0b9c3f5e-6f0a-4d35-9a55-0d6a4b1f2c3d"


def _lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records if getattr(record, "kind", None) == "audit"]


def _events_written() -> set[str]:
    """The members that stand in the arguments of some call outside the vocabulary's own module."""
    found: set[str] = set()
    for name, tree in sources.modules().items():
        if name == "chalicelib.observe.audit":
            continue
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            for argument in call.args:
                found |= {
                    node.attr
                    for node in ast.walk(argument)
                    if isinstance(node, ast.Attribute)
                    and isinstance(node.value, ast.Name)
                    and node.value.id == "AuditEvent"
                }
    return found


@pytest.mark.parametrize("event", AuditEvent)
def test_every_event_of_the_vocabulary_is_written_somewhere(event: AuditEvent) -> None:
    assert event.name in _events_written()


def test_events_are_in_the_past_tense() -> None:
    irregular = {"given", "withdrawn"}
    participles = {
        event: [one for one in event.split("_") if one.endswith("ed") or one in irregular] for event in AuditEvent
    }
    assert [event for event, found in participles.items() if not found] == []


def test_a_line_says_who_where_and_in_which_request_without_naming_anybody(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    correlate("request-1")
    audit.begin("203.0.113.77")
    audit.record(AuditEvent.SIGNED_OUT, user_id=USER, session_id="session-1")

    [line] = _lines(caplog)
    assert (line["event"], line["user"], line["address"]) == ("signed_out", audit.hashed(USER), "203.0.113.0/24")
    assert (line["correlation_id"], line["session_id"]) == ("request-1", "session-1")
    assert USER not in str(line)
    assert "203.0.113.77" not in str(line)


def test_a_line_speaks_of_whom_the_request_concerns(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    audit.begin("203.0.113.77")
    audit.concerns(USER)
    audit.record(AuditEvent.PROFILE_RENAMED)
    audit.record(AuditEvent.PROFILE_RENAMED, user_id="another")
    assert [line["user"] for line in _lines(caplog)] == [audit.hashed(USER), audit.hashed("another")]


def test_the_next_request_knows_nothing_of_the_one_before(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    audit.begin("203.0.113.77")
    audit.concerns(USER)
    audit.begin()
    audit.record(AuditEvent.ACCESS_REFUSED, cause="INVALID_TOKEN")
    [line] = _lines(caplog)
    assert (line["user"], line["address"]) == (None, None)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1234:5678:9abc:def0:1234:5678", "2001:db8:1234::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("127.0.0.1", "127.0.0.0/24"),
        ("unknown", None),
        ("", None),
        ("ada@example.com", None),
        ("203.0.113.77, 10.0.0.1", None),
    ],
)
def test_an_address_is_cut_to_its_network(address: str, network: str | None) -> None:
    assert audit.coarse(address) == network


def test_a_person_has_one_hash_for_ever_and_no_other_person_has_it() -> None:
    assert audit.hashed(USER) == audit.hashed(USER)
    assert audit.hashed(USER) != audit.hashed(USER[:-1] + "e")
    assert len(audit.hashed(USER)) == 32


def test_what_somebody_should_look_at_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    audit.record(AuditEvent.REFRESH_TOKEN_REUSED, user_id=USER)
    audit.record(AuditEvent.SESSION_REFRESHED, user_id=USER)
    assert [line["levelname"] for line in _lines(caplog)] == ["WARNING", "INFO"]
