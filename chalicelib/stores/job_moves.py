"""What moves a job: claims and endings, and the conditions and actions that they are written with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.models.job import JobItem
from chalicelib.models.states import JobState

_DATA: Final[Any] = JobItem.data
"""Paths in expressions; PynamoDB's types see values where the class has paths."""


class JobId(NamedTuple):
    """Whose job."""

    user_id: str
    job_id: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's wish to make an attempt. `retry` names the retry that it was sent for, None for an upload's event."""

    token: str
    at: datetime
    lease_until: datetime
    deadline: datetime
    retry: int | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a job ends without a result; code and message are shown to its owner."""

    state: JobState
    code: str
    message: str
    at: datetime


def may_claim(claim: Claim) -> Condition:
    """Hold for a job that waits for just this attempt, or whose worker died."""
    # A message of an earlier round starts nothing: each retry has its number.
    is_waiting = (
        _DATA.state == JobState.UPLOADED
        if claim.retry is None
        else (_DATA.state == JobState.RETRYING) & (_DATA.retry_count == claim.retry)
    )
    # A worker that died holds its job no longer than its lease.
    is_abandoned = (_DATA.state == JobState.PROCESSING) & (_DATA.lease_until < claim.at)
    condition: Condition = is_waiting | is_abandoned
    return condition


def is_unchanged(job: JobItem) -> Condition:
    """Hold while a job is as it was read."""
    # Each of these changes when a job moves on; together they are its fencing token. They also need the item to be.
    is_in_state = _DATA.state == job.data.state
    is_in_round = _DATA.retry_count == job.data.retry_count
    token = job.data.claim_token
    has_same_claim = _DATA.claim_token.does_not_exist() if token is None else _DATA.claim_token == token
    # A unit is given back once.
    has_same_unit = _DATA.has_unit == job.data.has_unit
    unchanged: Condition = is_in_state & is_in_round & has_same_claim & has_same_unit
    return unchanged


def ended_at(at: datetime) -> list[Action]:
    """An ended job has no worker and is not due."""
    return [
        _DATA.finished_at.set(at),
        _DATA.claim_token.remove(),
        _DATA.lease_until.remove(),
        JobItem.gsi3_pk.remove(),
        JobItem.gsi3_sk.remove(),
        JobItem.updated_at.set(at),
    ]


def checksum_seen(job: JobItem) -> list[Action]:
    """What the worker saw is what later attempts must see."""
    return [] if job.data.file_checksum is None else [_DATA.file_checksum.set(job.data.file_checksum)]
