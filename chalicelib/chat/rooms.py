"""The rooms of the chat, built together from what others hand in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

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
    U,
)
from chalicelib.chat.endings import Endings
from chalicelib.chat.jobs import ChatJobs
from chalicelib.chat.messages import ChatMessages
from chalicelib.chat.places import OwnResults
from chalicelib.chat.prompts import Prompts
from chalicelib.clock import Clock
from chalicelib.rules import Rules
from chalicelib.stores.jobs import JobStore


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


@dataclass(frozen=True, slots=True)
class Chat(Generic[U]):
    """The rooms of the chat."""

    prompts: Prompts
    messages: ChatMessages[U]
    jobs: ChatJobs
    answering: Answering
    endings: Endings


def chat_of(
    asked_by: Admission, counting: Counting[U], places: Places, analyst: Answers, clock: Clock, rules: Rules
) -> Chat[U]:
    """Build the rooms of the chat. Asks nobody anything."""
    users, sessions, consent = asked_by.profiles, asked_by.sessions, asked_by.require_consent
    jobs, objects, results = places.jobs, places.objects, OwnResults(places.objects)
    endings = Endings(jobs, objects, places.queue, places.queue_name, clock, rules)
    return Chat(
        Prompts(users, sessions, clock),
        ChatMessages(
            users, sessions, consent, counting.messages, counting.message_name, results, analyst, clock, rules
        ),
        ChatJobs(users, sessions, consent, counting.jobs, results, jobs, objects, endings, clock, rules),
        Answering(jobs, objects, endings, users, consent, analyst, clock, rules),
        endings,
    )
