"""Every journey: how it is prepared, what is asked, what goes on without being asked, and what must hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.faults import steps_of_billing as billing
from tests.faults import steps_of_documents as documents
from tests.faults import steps_of_leaving as leaving
from tests.faults import steps_of_people as people
from tests.faults.steps import Act, asks, carries_on, must_be, nothing, profile, settled, settles, signs_in


@dataclass(frozen=True, slots=True)
class Journey:
    """`act` is what faults befall. Whoever asked repeats it while it failed, then `later` goes on without faults, and
    `check` says what must be so in the end, beside what must always be so."""

    name: str
    prepare: Act
    act: Act
    check: Act
    later: Act = nothing
    is_repeatable: bool = True
    """Whether the one who asked may ask again after a success of which they did not hear."""


JOURNEYS: Final = (
    Journey("sign-up", lambda house: house.notes.clear(), signs_in, people.is_signed_in),
    Journey("sign-in", settled, signs_in, people.is_signed_in),
    Journey(
        "sign-in on another phone",
        settled,
        lambda house: signs_in(house, people.OTHER_PHONE),
        people.has_left_the_old_phone,
    ),
    Journey("refresh", settled, people.refreshes, people.goes_on_after_refreshing),
    Journey("sign-out", settled, lambda house: asks(house, "POST", "/auth/logout", {}), people.is_signed_out),
    Journey(
        "new name", settled, people.renames, lambda house: must_be(profile(house)["name"], "Ada Lovelace", "the name")
    ),
    Journey("withdrawn consent", settled, people.withdraws, people.has_withdrawn_once),
    Journey("upload", settled, documents.uploads, documents.one_result, settles),
    Journey("upload by form", settled, documents.asks_for_a_form, documents.one_result, documents.sends_the_form),
    Journey("analysis", documents.has_uploaded, carries_on, documents.one_result, settles),
    Journey("hopeless analysis", documents.hopeless, carries_on, documents.failed_and_free, settles),
    Journey("overdue job", documents.overdue, documents.sweeps_jobs, documents.one_result, settles),
    Journey("clean-up", documents.has_result, documents.cleans_up, documents.nothing_left_of_it, settles),
    Journey("question", settled, documents.asks_a_question, documents.one_answer),
    Journey("question for later", settled, documents.asks_for_later, documents.one_answer_later, settles),
    Journey("answer for later", documents.has_asked, carries_on, documents.one_answer_later, settles),
    Journey("ordered report", settled, documents.orders, documents.one_report, settles),
    Journey("written report", documents.has_ordered, carries_on, documents.one_report, settles),
    *(
        Journey(
            f"webhook of {store}",
            settled,
            billing.hears_of_a_purchase(store),
            billing.one_payment("completed", "premium"),
        )
        for store in ("apple", "google", "stripe")
    ),
    Journey("refund", billing.has_bought, billing.hears_of_a_refund, billing.one_payment("refunded", "free")),
    Journey("claimed purchase", settled, billing.claims, billing.one_payment("completed", "premium")),
    Journey("usage reset", billing.month_ended, billing.resets, billing.is_reset, billing.sweeps_again),
    Journey("erasure request", leaving.has_everything, leaving.wants_to_leave, leaving.nobody_left, settles),
    Journey("erasure", leaving.is_leaving, carries_on, leaving.nobody_left, settles),
    Journey("export", leaving.has_everything, leaving.takes_along, nothing),
)
