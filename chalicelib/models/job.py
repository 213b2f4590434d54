"""Job items: one run of an analysis. No medical content, no file name."""

from __future__ import annotations

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.models.attributes import InstantAttribute, Part, StateAttribute
from chalicelib.models.base import Item
from chalicelib.models.states import JobKind, JobState


class JobData(Part):
    """The entity itself. `claim_token` fences: only the worker that holds it may finish the attempt.
    `unit_period_start` names the usage
    period that the reserved unit was counted in, so that giving it back in a later period takes nothing from that
    one. `is_priority` says that its owner's tier goes first, as it was when the unit was reserved.
    `arrived_at` is when its document was there and it was handed on to a queue. `pages` describes the pictures of a
    presigned upload of several pages, in order: type, size and declared SHA-256 (or nothing) of each, as in
    `jpg/182044/,png/90311/5f…`."""

    job_id = UnicodeAttribute()
    user_id = UnicodeAttribute()
    kind = StateAttribute(JobKind)
    state = StateAttribute(JobState)
    file_type = UnicodeAttribute(null=True)
    file_size = NumberAttribute(null=True)
    file_checksum = UnicodeAttribute(null=True)
    object_key = UnicodeAttribute(null=True)
    is_inspected = BooleanAttribute(default=False)
    is_priority = BooleanAttribute(default=False)
    pages = UnicodeAttribute(null=True)
    arrived_at = InstantAttribute(null=True)
    attempt = NumberAttribute(default=0)
    retry_count = NumberAttribute(default=0)
    manual_retries = NumberAttribute(default=0)
    has_unit = BooleanAttribute(default=False)
    unit_period_start = InstantAttribute(null=True)
    claim_token = UnicodeAttribute(null=True)
    lease_until = InstantAttribute(null=True)
    deadline_at = InstantAttribute()
    uploaded_at = InstantAttribute()
    started_at = InstantAttribute(null=True)
    finished_at = InstantAttribute(null=True)
    error_code = UnicodeAttribute(null=True)
    error_message = UnicodeAttribute(null=True)
    correlation_id = UnicodeAttribute(null=True)


class JobItem(Item, discriminator="job"):
    """One job. Carries a `ttl`, and stands in the due index while it is unfinished."""

    data = JobData()
