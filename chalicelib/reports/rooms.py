"""The room put together: what takes orders, what writes, and what hands out, from a handful of others' things."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from chalicelib.clock import Clock
from chalicelib.gateways.analyst.findings import Analyst
from chalicelib.models.profile import UserItem
from chalicelib.reports.doctor_reports import DoctorReports
from chalicelib.reports.doors import (
    Documents,
    Jobs,
    KeyOf,
    Objects,
    Orders,
    Outcomes,
    Profiles,
    Queue,
    RequireConsent,
    SessionRule,
)
from chalicelib.reports.shelf import Shelf
from chalicelib.reports.writing import ReportWriting
from chalicelib.rules import Rules

D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class Rights:
    """Who may have what."""

    profiles: Profiles
    sessions: SessionRule
    require_consent: RequireConsent
    require_reports: Callable[[UserItem], None]
    has_trends: Callable[[UserItem], bool]


@dataclass(frozen=True, slots=True)
class Places:
    """Where jobs, values and messages are kept. Objects' keys are those of documents."""

    orders: Orders
    jobs: Jobs
    objects: Objects
    outcomes: Outcomes
    queue: Queue
    queue_name: str
    request_key: KeyOf
    result_key: KeyOf


@dataclass(frozen=True, slots=True)
class Reports(Generic[D]):
    """The parts of the room."""

    orders: DoctorReports
    writing: ReportWriting
    shelf: Shelf[D]


def reports_of(
    rights: Rights, places: Places, documents: Documents[D], analyst: Analyst, clock: Clock, rules: Rules
) -> Reports[D]:
    """Put the room together; asks nobody anything."""
    return Reports(
        DoctorReports(
            rights.profiles, rights.sessions, rights.require_consent, rights.require_reports, rights.has_trends,
            documents, places.orders, places.jobs, places.objects, places.request_key, places.queue,
            places.queue_name, clock, rules,
        ),
        ReportWriting(
            places.jobs, places.orders, places.objects, places.request_key, places.result_key, places.outcomes,
            rights.profiles, rights.require_consent, rights.require_reports, analyst, clock, rules,
        ),
        Shelf(documents),
    )  # fmt: skip
