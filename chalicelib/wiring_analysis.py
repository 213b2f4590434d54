"""Builds what asks the analyst: documents, chat and reports, each part when it is first asked for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from chalicelib.once import once

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.billing.messages import MessageUnit
    from chalicelib.chat.rooms import Chat
    from chalicelib.documents.analysis import Pipeline
    from chalicelib.documents.arrivals import Arrivals
    from chalicelib.documents.contract import ResultAnswer
    from chalicelib.documents.library import Library
    from chalicelib.documents.listing import JobListing
    from chalicelib.documents.sources import Sources
    from chalicelib.documents.sweep import JobSweep
    from chalicelib.documents.uploads import Uploads
    from chalicelib.models.profile import UserItem
    from chalicelib.reports.doctor_reports import DoctorReports
    from chalicelib.reports.shelf import Shelf
    from chalicelib.reports.writing import ReportWriting
    from chalicelib.wiring_shared import Shared


class Documents:
    """The rooms of documents: what takes them in, has them explained, and hands out what they say."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    @once
    def uploads(self) -> Uploads:
        """Takes documents in."""
        from chalicelib.documents.inspection import inspect
        from chalicelib.documents.uploads import Uploads

        of = self._shared
        return Uploads(
            of.users, of.session_rule, of.require_consent, of.reservations, of.jobs, of.objects, inspect, of.clock,
            of.rules,
        )  # fmt: skip

    @once
    def library(self) -> Library:
        """Says where jobs stand, and hands out results."""
        from chalicelib.documents.library import Library

        of = self._shared
        return Library(of.users, of.session_rule, of.jobs, of.objects, of.outcomes, of.clock, of.rules)

    @once
    def listing(self) -> JobListing:
        """Lists jobs."""
        from chalicelib.documents.listing import JobListing
        from chalicelib.stores.job_lists import JobLists

        of = self._shared
        return JobListing(of.users, of.session_rule, JobLists(), of.cursors, of.clock, of.rules)

    @once
    def arrivals(self) -> Arrivals:
        """Hands on what was uploaded."""
        from chalicelib.documents.arrivals import Arrivals

        of = self._shared
        return Arrivals(of.jobs, of.objects, self._sources, of.outcomes, of.clock, of.rules)

    @once
    def pipeline(self) -> Pipeline:
        """Makes attempts at analyses."""
        from chalicelib.documents.analysis import Pipeline

        of = self._shared
        return Pipeline(
            of.jobs, of.objects, of.outcomes, of.users, of.require_consent, of.analyst, self._sources, of.clock,
            of.rules,
        )  # fmt: skip

    @once
    def job_sweep(self) -> JobSweep:
        """Finds jobs that should have ended, questions among them."""
        from chalicelib.chat.endings import Endings
        from chalicelib.documents.sweep import JobSweep
        from chalicelib.models.states import JobKind

        of = self._shared
        questions = Endings(of.jobs, of.objects, of.queues, of.stage.chat_queue, of.clock, of.rules)
        overdue = {JobKind.CHAT: questions.look_at_overdue}
        return JobSweep(of.jobs, of.objects, of.outcomes, of.clock, of.rules, overdue)

    @once
    def _sources(self) -> Sources:
        from chalicelib.documents.inspection import inspect
        from chalicelib.documents.sources import Sources

        return Sources(self._shared.objects, inspect, self._shared.rules)


def build_chat(of: Shared) -> Chat[MessageUnit]:
    """Build what answers questions, while somebody waits and later."""
    from chalicelib.billing.messages import MessageReservations, message_name
    from chalicelib.chat import rooms
    from chalicelib.stores.message_units import MessageUnits

    messages = MessageReservations(of.reservations, MessageUnits(of.usage), of.clock, of.rules)
    return rooms.Chat(
        rooms.Admission(of.users, of.session_rule, of.require_consent),
        rooms.Counting(messages, message_name, of.reservations),
        rooms.Places(of.jobs, of.objects, of.queues, of.stage.chat_queue),
        of.analyst,
        of.clock,
        of.rules,
    )


class Reports:
    """The rooms of reports: what takes orders, what writes, and what hands results out, documents' as well."""

    def __init__(self, shared: Shared, documents: Documents) -> None:
        self._shared = shared
        self._documents = documents

    @once
    def orders(self) -> DoctorReports:
        """Takes orders."""
        from chalicelib.billing.entitlements import Feature
        from chalicelib.documents.places import request_key
        from chalicelib.reports.doctor_reports import DoctorReports
        from chalicelib.stores.report_orders import ReportOrders

        of, has_trends = self._shared, partial(self._shared.entitlements.has, feature=Feature.ADVANCED_ANALYTICS)
        return DoctorReports(
            of.users, of.session_rule, of.require_consent, self._require_reports, has_trends, self._documents.library,
            ReportOrders(), of.jobs, of.objects, request_key, of.queues, of.stage.retries_queue, of.clock, of.rules,
        )  # fmt: skip

    @once
    def writing(self) -> ReportWriting:
        """Writes what was ordered."""
        from chalicelib.documents.places import request_key, result_key
        from chalicelib.reports.writing import ReportWriting
        from chalicelib.stores.report_orders import ReportOrders

        of = self._shared
        return ReportWriting(
            of.jobs, ReportOrders(), of.objects, request_key, result_key, of.outcomes, of.users, of.require_consent,
            self._require_reports, of.analyst, of.clock, of.rules,
        )  # fmt: skip

    @once
    def shelf(self) -> Shelf[ResultAnswer]:
        """Hands out what a document or a report says."""
        from chalicelib.reports.shelf import Shelf

        return Shelf(self._documents.library)

    @property
    def _require_reports(self) -> Callable[[UserItem], None]:
        from chalicelib.billing.entitlements import Feature

        return partial(self._shared.entitlements.require, feature=Feature.MEDICAL_REPORTS)
