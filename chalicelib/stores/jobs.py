"""Jobs in the table: found with their owner, claimed, moved on, ended, cleaned, and found again when they are due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.models import keys
from chalicelib.models.base import Item
from chalicelib.models.job import JobItem
from chalicelib.models.profile import UserItem
from chalicelib.models.states import JobState
from chalicelib.stores.due import pages
from chalicelib.stores.failures import is_condition_failure, retried, translated
from chalicelib.stores.job_moves import Claim, Ending, JobId, checksum_seen, ended_at, is_unchanged, may_claim
from chalicelib.stores.transactions import Cancelled, commit

_JOB: Final = 0
"""Position of the job among a transaction's actions: it is added, or sorted, before the unit's release."""
_DATA: Final[Any] = JobItem.data
"""Paths in expressions; PynamoDB's types see values where the class has paths."""
_JOB_SK: Final = "JOB#"


class Releases(Protocol):
    """Gives units back."""

    def add_release(self, transaction: TransactWrite, job: JobItem, at: datetime) -> None:
        """Add giving back the job's unit, as the last action. If the transaction fails for it, there is nothing to
        give back."""
        ...


class JobStore:
    """Every change is conditional on the job being as it was read, so that whoever comes late changes nothing."""

    def __init__(self, releases: Releases, due_shards: int) -> None:
        self._releases = releases
        self._due_shards = due_shards

    def find(self, user_id: str, job_id: str) -> JobItem | None:
        """Return a job by a consistent read, or None.

        Raises:
            Unavailable: the table does not answer.
        """
        with translated():
            try:
                return JobItem.get(*keys.job_key(user_id, job_id), consistent_read=True)
            except JobItem.DoesNotExist:
                return None

    def find_with_owner(self, user_id: str, job_id: str) -> tuple[UserItem | None, JobItem | None]:
        """Return a profile and a job of theirs by one consistent request; None for what is not there.

        Raises:
            Unavailable: the table does not answer.
        """
        wanted = [keys.user_key(user_id), keys.job_key(user_id, job_id)]
        with translated():
            found = list(Item.batch_get(wanted, consistent_read=True))
        user = next((item for item in found if isinstance(item, UserItem)), None)
        return user, next((item for item in found if isinstance(item, JobItem)), None)

    def claim(self, user_id: str, job_id: str, claim: Claim) -> JobItem | None:
        """Take a job for one attempt and return it; None where it is not there, not waiting, or somebody else's.

        One write in the ordinary case.

        Raises:
            Unavailable: the table does not answer.
        """
        job = _bare(user_id, job_id)
        actions = [
            _DATA.state.set(JobState.PROCESSING),
            _DATA.claim_token.set(claim.token),
            _DATA.lease_until.set(claim.lease_until),
            _DATA.deadline_at.set(claim.deadline),
            _DATA.started_at.set(claim.at),
            _DATA.attempt.set(_DATA.attempt + 1),
            JobItem.updated_at.set(claim.at),
            *self._due(job_id, claim.lease_until),
        ]
        if _update(job, actions, may_claim(claim)):
            return job
        # The answer to a write that worked may be lost, and its repetition is refused.
        found = self.find(user_id, job_id)
        return found if found is not None and found.data.claim_token == claim.token else None

    def arrive(self, user_id: str, job_id: str, at: datetime, deadline: datetime) -> JobItem | None:
        """Mark that a job's document is there, and return the job; None where it was marked before, does not wait for a
        document, or is not there.

        Raises:
            Unavailable: the table does not answer.
        """
        job = _bare(user_id, job_id)
        actions = [_DATA.arrived_at.set(at), _DATA.deadline_at.set(deadline), JobItem.updated_at.set(at)]
        is_awaited = _DATA.state == JobState.UPLOADED
        # An event that comes again puts no deadline off.
        is_new = _DATA.arrived_at.does_not_exist()
        return job if _update(job, [*actions, *self._due(job_id, deadline)], is_awaited & is_new) else None

    def complete(self, job: JobItem, at: datetime) -> bool:
        """Mark a claimed job as done. False where the claim is no longer ours.

        Raises:
            Unavailable: the table does not answer.
        """
        actions = [_DATA.state.set(JobState.COMPLETED), *ended_at(at), *checksum_seen(job)]
        actions += [_DATA.error_code.remove(), _DATA.error_message.remove()]
        return _update(job, actions, is_unchanged(job))

    def schedule_retry(self, job: JobItem, deadline: datetime, at: datetime, *, is_by_owner: bool = False) -> bool:
        """Let a job wait for its next attempt. False where it is not as it was read.

        Raises:
            Unavailable: the table does not answer.
        """
        actions = [
            _DATA.state.set(JobState.RETRYING),
            _DATA.retry_count.set(_DATA.retry_count + 1),
            _DATA.deadline_at.set(deadline),
            _DATA.claim_token.remove(),
            _DATA.lease_until.remove(),
            JobItem.updated_at.set(at),
            *self._due(job.data.job_id, deadline),
            *checksum_seen(job),
        ]
        if is_by_owner:
            actions += [_DATA.manual_retries.set(_DATA.manual_retries + 1), _DATA.finished_at.remove()]
        return _update(job, actions, is_unchanged(job))

    def end(self, job: JobItem, ending: Ending) -> bool:
        """End a job without a result and give its unit back, both or neither. False where it is not as it was read.

        Raises:
            Unavailable: the table does not answer.
        """
        actions = [
            _DATA.state.set(ending.state),
            _DATA.error_code.set(ending.code),
            _DATA.error_message.set(ending.message),
            *ended_at(ending.at),
            *checksum_seen(job),
        ]
        return self._give_up(job, actions, ending.at)

    def clean(self, job: JobItem, at: datetime) -> bool:
        """Empty a job: what stays until its `ttl` says only that it was. False where it is not as it was read.

        The unit of a job that has not completed is given back.

        Raises:
            Unavailable: the table does not answer.
        """
        emptied = (
            "file_type", "file_size", "file_checksum", "object_key", "unit_period_start", "started_at",
            "error_code", "error_message", "correlation_id",
        )  # fmt: skip
        actions = [
            _DATA.state.set(JobState.CLEANED),
            *ended_at(at),
            *(getattr(_DATA, name).remove() for name in emptied),
        ]
        if job.data.state == JobState.COMPLETED:
            return _update(job, actions, is_unchanged(job))
        return self._give_up(job, actions, at)

    def drop(self, job: JobItem, at: datetime) -> bool:
        """Remove a job and give its unit back, both or neither. False where it is not as it was read.

        Raises:
            Unavailable: the table does not answer.
        """
        as_read = is_unchanged(job)

        def remove(transaction: TransactWrite) -> None:
            transaction.delete(_bare(*_id_of(job)), condition=as_read)

        return self._commit_with_release(remove, job, at)

    def due(self, now: datetime, look_back: timedelta, limit: int) -> Iterator[JobId]:
        """Return unfinished jobs whose time has come, at most `limit` of each day and shard, oldest first. From the
        index, so it may name a job that was moved on a moment ago.

        Raises:
            Unavailable: the table does not answer.
        """
        for past in range(look_back.days, -1, -1):
            for shard in range(self._due_shards):
                partition = keys.job_due_key(now - timedelta(days=past), shard, "").pk
                is_past = Item.gsi3_sk < keys.job_due_key(now, shard, "").sk
                for key in next(pages(partition, is_past, page_size=limit)):
                    yield JobId(key.pk.removeprefix(keys.user_partition("")), key.sk.removeprefix(_JOB_SK))

    def due_key(self, job_id: str, at: datetime) -> keys.Key:
        """Where an unfinished job stands in the due index."""
        return keys.job_due_key(at, keys.shard_of(job_id, self._due_shards), job_id)

    def _due(self, job_id: str, at: datetime) -> list[Action]:
        key = self.due_key(job_id, at)
        return [JobItem.gsi3_pk.set(key.pk), JobItem.gsi3_sk.set(key.sk)]

    def _give_up(self, job: JobItem, actions: list[Action], at: datetime) -> bool:
        returned = [*actions, _DATA.has_unit.set(False)]
        as_read = is_unchanged(job)

        def change(transaction: TransactWrite) -> None:
            transaction.update(_bare(*_id_of(job)), actions=returned, condition=as_read)

        return self._commit_with_release(change, job, at)

    def _commit_with_release(self, change: Any, job: JobItem, at: datetime) -> bool:
        """Commit with the unit's release; without it where the job holds none, or its period is over."""

        def change_and_release(transaction: TransactWrite) -> None:
            change(transaction)
            self._releases.add_release(transaction, job, at)

        if job.data.has_unit:
            try:
                commit(change_and_release)
            except Cancelled as refusal:
                if refusal.failed(_JOB):
                    return False
            else:
                return True
        try:
            commit(change)
        except Cancelled:
            return False
        return True


def _bare(user_id: str, job_id: str) -> JobItem:
    return JobItem(*keys.job_key(user_id, job_id))


def _id_of(job: JobItem) -> JobId:
    return JobId(job.data.user_id, job.data.job_id)


def _update(job: JobItem, actions: list[Action], condition: Condition) -> bool:
    try:
        retried(lambda: job.update(actions=actions, condition=condition))
    except UpdateError as refusal:
        if is_condition_failure(refusal):
            return False
        raise
    return True
