"""The trail of old jobs (`processing_job_events`) as audit lines: JSON lines, gzipped; the same rows the same bytes."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from chalicelib.migration.postgres import Connection, rows

PAGE: Final = 5_000
_HIDDEN: Final = "SELECT row_security_active('processing_job_events') OR row_security_active('processing_jobs')"
_LINES: Final = """
SELECT one.id::text, (to_jsonb(one) || jsonb_build_object('job', job.job_id))::text
FROM processing_job_events AS one LEFT JOIN processing_jobs AS job ON job.id = one.job_id
WHERE one.id > %s::uuid AND one.id <= %s::uuid ORDER BY one.id LIMIT %s
"""
_DIGITS: Final = "0123456789abcdef"
_REST: Final = "-0000-0000-0000-000000000000"


class EventsHidden(ValueError):
    """Row-level security hides the trail from whoever reads it."""


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some lines of the trail. The name holds a digest of the content: the same rows are the same object however often
    they are kept, and rows that were purged in the meantime take nothing away from what was kept before."""

    name: str
    content: bytes
    lines: int


def event_pages(connection: Connection, page_size: int = PAGE) -> Iterator[EventPage]:
    """Yield the whole trail, a page at a time, without holding more than one.

    Pages end at fixed places (by the first two digits of the id), so that a row that comes later changes its own page
    alone.

    Raises:
        EventsHidden: read as the tables' owner, or as a role with BYPASSRLS.
    """
    if rows(connection, _HIDDEN)[0][0]:
        raise EventsHidden("row-level security hides job events; read as the tables' owner")
    ends = [f"{a}{b}000000{_REST}" for a in _DIGITS for b in _DIGITS]
    for first, last in zip(ends, [*ends[1:], "ffffffff-ffff-ffff-ffff-ffffffffffff"], strict=True):
        after = first
        while found := rows(connection, _LINES, (after, last, page_size)):
            yield _page(first[:2], [str(line) for _, line in found])
            after = found[-1][0]


def _page(prefix: str, lines: list[str]) -> EventPage:
    written = "".join(f"{line}\n" for line in lines).encode()
    # Without the time of writing: the same lines are the same bytes.
    content = gzip.compress(written, mtime=0)
    return EventPage(f"{prefix}-{hashlib.sha256(written).hexdigest()}.jsonl.gz", content, len(lines))
