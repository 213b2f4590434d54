"""The rooms of the chat, built together from what others hand in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from chalicelib.once import once

if TYPE_CHECKING:
    from chalicelib.chat.answering import Answering
    from chalicelib.chat.doors import (
        Answers,
        MessageName,
        MessageReservations,
        Objects,
        Profiles,
        Queue,
        RequireConsent,
        Reservations,
        SessionRule,
    )
    from chalicelib.chat.endings import Endings
    from chalicelib.chat.jobs import ChatJobs
    from chalicelib.chat.messages import ChatMessages
    from chalicelib.chat.places import OwnResults
    from chalicelib.chat.prompts import Prompts
    from chalicelib.clock import Clock
    from chalicelib.rules import Rules
    from chalicelib.stores.jobs import JobStore

U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Admission:
    """Who may ask."""

    profiles: Profiles
    sessions: SessionRule
    require_consent: RequireConsent


@dataclass(frozen=True, slots=True)
class Counting(Generic[U]):
    """How messages are counted: those that somebody waits for, and those that are a job."""

    messages: MessageReservations[U]
    message_name: MessageName
    jobs: Reservations


@dataclass(frozen=True, slots=True)
class Places:
    """Where questions wait, and what they leave behind for a while."""

    jobs: JobStore
    objects: Objects
    queue: Queue
    queue_name: str


class Chat(Generic[U]):
    """The rooms of the chat, each built when it is first asked for. Building asks nobody anything."""

    def __init__(
        self, asked_by: Admission, counting: Counting[U], places: Places, analyst: Answers, clock: Clock, rules: Rules
    ) -> None:
        self._asked_by = asked_by
        self._counting = counting
        self._places = places
        self._analyst = analyst
        self._clock = clock
        self._rules = rules

    @once
    def prompts(self) -> Prompts:
        """Shows the prepared questions."""
        from chalicelib.chat.prompts import Prompts

        return Prompts(self._clock)

    @once
    def messages(self) -> ChatMessages[U]:
        """Answers questions that somebody waits with."""
        from chalicelib.chat.messages import ChatMessages

        by, counting = self._asked_by, self._counting
        return ChatMessages(
            by.profiles, by.sessions, by.require_consent, counting.messages, counting.message_name, self._results,
            self._analyst, self._clock, self._rules,
        )  # fmt: skip

    @once
    def jobs(self) -> ChatJobs:
        """Takes questions that are answered later."""
        from chalicelib.chat.jobs import ChatJobs

        by, kept = self._asked_by, self._places
        return ChatJobs(
            by.profiles, by.sessions, by.require_consent, self._counting.jobs, self._results, kept.jobs, kept.objects,
            self.endings, self._clock, self._rules,
        )  # fmt: skip

    @once
    def answering(self) -> Answering:
        """Answers what waits."""
        from chalicelib.chat.answering import Answering

        by, kept = self._asked_by, self._places
        return Answering(
            kept.jobs, kept.objects, self.endings, by.profiles, by.require_consent, self._analyst, self._clock,
            self._rules,
        )  # fmt: skip

    @once
    def endings(self) -> Endings:
        """Ends questions, and has them tried again."""
        from chalicelib.chat.endings import Endings

        kept = self._places
        return Endings(kept.jobs, kept.objects, kept.queue, kept.queue_name, self._clock, self._rules)

    @property
    def _results(self) -> OwnResults:
        from chalicelib.chat.places import OwnResults

        return OwnResults(self._places.objects)
