"""Uploads say in headers what is left: multipart, presigned, repeated and refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.config import Settings
from chalicelib.documents.contract import UploadUrlRequest
from chalicelib.models.states import Tier
from chalicelib.web.errors import to_response
from chalicelib.web.limits import quota_headers
from tests.rooms.documents_world import PDF, World, a_form, make_bucket
from tests.support import SettableClock

SECONDS_LEFT = str(24 * 86_400)
"""The person's period began a week ago, on the seventh of a month of 31 days."""


@pytest.fixture
def world(table: TableConnection, settings: Settings, clock: SettableClock) -> World:
    make_bucket(settings)
    return World(settings, clock)


def _quota(limit: int, remaining: int, reset: str = SECONDS_LEFT) -> dict[str, str]:
    return {"RateLimit-Limit": str(limit), "RateLimit-Remaining": str(remaining), "RateLimit-Reset": reset}


def _multipart(world: World, timestamp: str) -> dict[str, str]:
    headers, body = a_form(PDF, timestamp=timestamp)
    return dict(world.uploads.upload(world.caller, headers, body).headers)


def _presigned(world: World) -> dict[str, str]:
    request = UploadUrlRequest(file_type="pdf", file_size=len(PDF))
    return dict(world.uploads.presign(world.caller, {}, request).headers)


def test_each_upload_says_what_is_left(world: World) -> None:
    left = [
        _multipart(world, "1"),
        _presigned(world),
        _multipart(world, "2"),
        _presigned(world),
        _multipart(world, "3"),
    ]
    assert left == [_quota(5, 4), _quota(5, 3), _quota(5, 2), _quota(5, 1), _quota(5, 0)]


def test_a_repeated_upload_says_what_is_left_and_takes_nothing(world: World) -> None:
    assert [_multipart(world, "1"), _multipart(world, "1")] == [_quota(5, 4), _quota(5, 4)]


def test_the_seconds_run_down_to_the_next_period(world: World) -> None:
    world.clock.advance(timedelta(days=23, hours=23, minutes=59, seconds=59))
    user = world.users.by_id(world.user_id)
    assert user is not None
    user.data.current_session.expires_at = world.clock.now() + timedelta(days=1)
    user.save()
    assert _multipart(world, "1") == _quota(5, 4, "1")
    world.clock.advance(timedelta(seconds=1))
    assert _multipart(world, "2")["RateLimit-Reset"] == str(30 * 86_400)


def test_a_refused_upload_says_when_to_come_again(world: World) -> None:
    for number in range(5):
        _multipart(world, str(number))
    for is_presigned in (False, True):
        with pytest.raises(errors.QuotaSpent) as refusal:
            _presigned(world) if is_presigned else _multipart(world, "6")
        answer = to_response(refusal.value, "correlation")
        assert answer.status_code == 402
        assert {name: answer.headers[name] for name in _quota(5, 0)} == _quota(5, 0)


def test_where_nothing_is_limited_no_number_is_said(world: World) -> None:
    world.caller = world.add_user(world.user_id, used=70, tier=Tier.PREMIUM)
    assert _multipart(world, "1") == {}
    assert _presigned(world) == {}


def test_whoever_used_more_than_there_is_now_has_none_left(clock: SettableClock) -> None:
    now = clock.now()
    assert quota_headers(30, 5, now + timedelta(milliseconds=1), now) == _quota(5, 0, "1")
    assert quota_headers(1, 5, now - timedelta(seconds=3), now) == _quota(5, 4, "0")
