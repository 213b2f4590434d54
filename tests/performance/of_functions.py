"""Events of every function that is not asked over HTTP, to be counted."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from bench.usage_reset import SWEEP_AT, due_user
from chalicelib.models import keys
from chalicelib.models.base import Item
from chalicelib.models.keys import PROVIDER_SUBSCRIPTION_PREFIX, user_partition
from chalicelib.models.provider_subscription import ProviderSubscriptionItem
from tests.api.test_reports import VALUES
from tests.performance.of_documents import asked_later
from tests.performance.of_people import WISH
from tests.performance.world import Act, Case, Person, Prepare, World, message

DUE: Final = 20
"""Users of one batch of the reset."""


def _arrived(world: World) -> Act:
    one, other = world.person(), world.person()
    world.handed_on(other, world.uploaded(other), world.settings.retries_queue)
    job_id = world.uploaded(one)
    return world.invokes("document_uploaded", world.arrived(one, job_id))


def _arrived_twice(world: World) -> Act:
    one = world.person()
    job_id = world.uploaded(one)
    event = world.arrived(one, job_id)
    world.handed_on(one, job_id, world.settings.retries_queue)
    return world.invokes("document_uploaded", event)


def _arrived_of_nobody(world: World) -> Act:
    one = world.person()
    return world.invokes("document_uploaded", world.arrived(one, "result_6f1b9d0c-6d0e-4a55-9d4b-5f0f6b1f7c11"))


def _analysis(function: str, queue: str, *, is_premium: bool, is_second: bool) -> Prepare:
    """An attempt at a document of somebody, in the lane that it belongs in."""

    def prepare(world: World) -> Act:
        settings = world.settings
        lanes = {name: getattr(settings, name) for name in ("priority_queue", "retries_queue", queue)}
        for waiting in lanes.values():
            world.empty(waiting)
        one = world.person(is_premium=is_premium)
        if is_second:
            first = settings.priority_queue if is_premium else settings.retries_queue
            world.handed_on(one, world.uploaded(one), first)
        job_id = world.uploaded(one, "2026-03-14T09:31:00Z")
        return world.invokes(function, world.handed_on(one, job_id, lanes[queue]))

    return prepare


def _analysis_again(world: World) -> Act:
    one = world.person()
    event = world.handed_on(one, world.uploaded(one), world.settings.retries_queue)
    world.invokes("retry_analysis", event)()
    return world.invokes("retry_analysis", event)


def _report(world: World) -> Act:
    world.empty(world.settings.retries_queue)
    world.ordered(world.person(), VALUES)
    return world.invokes("retry_analysis", world.message_of(world.settings.retries_queue))


def _question(world: World) -> Act:
    asked_later(world)
    return world.invokes("answer_question", world.message_of(world.settings.chat_queue))


def _question_again(world: World) -> Act:
    asked_later(world)
    event = world.message_of(world.settings.chat_queue)
    world.invokes("answer_question", event)()
    return world.invokes("answer_question", event)


def _forgetting(world: World) -> Act:
    token, job_id = asked_later(world)
    queue = world.settings.chat_queue
    world.invokes("answer_question", world.message_of(queue))()
    owner = world.ask("GET", "/user/profile", token=token)["user"]["id"]
    return world.invokes("answer_question", message(queue, {"user_id": owner, "job_id": job_id, "forget": True}))


def _erasure(world: World) -> Act:
    one = world.person()
    world.analysed(one)
    return _leaving(world, one)


def _erasure_again(world: World) -> Act:
    one = world.person()
    event = _leaving_event(world, one)
    world.invokes("carry_erasure_on", event)()
    return world.invokes("carry_erasure_on", event)


def _leaving(world: World, one: Person) -> Act:
    return world.invokes("carry_erasure_on", _leaving_event(world, one))


def _leaving_event(world: World, one: Person) -> dict[str, Any]:
    world.empty(world.settings.erasures_queue)
    world.ask("POST", "/gdpr/erasure-request", WISH, token=one.token)
    return world.message_of(world.settings.erasures_queue)


def _due_users(world: World, on: date | None = None) -> list[str]:
    """Put users into the table whose month is over; as the index has it, on a day."""
    ids = [f"due-{number:04}" for number in range(DUE)]
    with Item.batch_write() as batch:
        for user_id in ids:
            user = due_user(user_id, 3, world.settings.rules)
            if on is not None:
                user.gsi3_pk, user.gsi3_sk = keys.usage_due_key(on, 0, user_id)
            batch.save(user)
    return ids


def _sweep_of_usage(world: World) -> Act:
    world.tick("sweep_usage")()
    world.service.clock.advance(timedelta(days=1))
    world.tick("sweep_usage")()
    _due_users(world, world.now().date())
    return world.tick("sweep_usage")


def _idle_sweep_of_usage(world: World) -> Act:
    world.tick("sweep_usage")()
    world.service.clock.advance(timedelta(days=1))
    return world.tick("sweep_usage")


def _reset(world: World) -> Act:
    ids = _due_users(world, SWEEP_AT.date())
    content = {"version": 1, "due_partition": keys.usage_due_key(SWEEP_AT.date(), 0, "").pk, "user_ids": ids}
    return world.invokes("reset_usage_batch", message(world.settings.resets_queue, content))


def _reset_again(world: World) -> Act:
    act = _reset(world)
    act()
    return act


def _look(world: World) -> Act:
    one = world.person(is_premium=True)
    [item] = ProviderSubscriptionItem.query(
        user_partition(one.user_id), ProviderSubscriptionItem.sk.startswith(PROVIDER_SUBSCRIPTION_PREFIX)
    )
    content = {"version": 1, "provider": "stripe", "places": [[item.pk, item.sk]]}
    return world.invokes("reconcile_subscriptions", message(world.settings.billing_looks_queue, content))


def _idle(function: str) -> Prepare:
    def prepare(world: World) -> Act:
        world.tick(function)()
        return world.tick(function)

    return prepare


def _overdue_job(world: World) -> Act:
    world.uploaded(world.person())
    world.service.clock.advance(world.settings.rules.job_deadline + timedelta(minutes=1))
    return world.tick("sweep_jobs")


def _overdue_erasure(world: World) -> Act:
    world.ask("POST", "/gdpr/erasure-request", WISH, token=world.person().token)
    world.service.clock.advance(timedelta(days=1))
    return world.tick("sweep_erasures")


CASES: Final = (
    Case("document_uploaded", "usual", _arrived),
    Case("document_uploaded", "again", _arrived_twice),
    Case("document_uploaded", "of no job", _arrived_of_nobody),
    Case("retry_analysis", "a document", _analysis(
        "retry_analysis", "retries_queue", is_premium=False, is_second=False)),
    Case("retry_analysis", "again", _analysis_again),
    Case("retry_analysis", "a report", _report),
    Case("analyse_priority", "usual", _analysis(
        "analyse_priority", "priority_queue", is_premium=True, is_second=False)),
    Case("analyse_priority_backlog", "usual", _analysis(
        "analyse_priority_backlog", "priority_backlog_queue", is_premium=True, is_second=True)),
    Case("analyse_backlog", "usual", _analysis(
        "analyse_backlog", "backlog_queue", is_premium=False, is_second=True)),
    Case("answer_question", "usual", _question),
    Case("answer_question", "again", _question_again),
    Case("answer_question", "the answer was fetched", _forgetting),
    Case("carry_erasure_on", "a document and its result", _erasure),
    Case("carry_erasure_on", "again", _erasure_again),
    Case("reset_usage_batch", f"{DUE} due users", _reset),
    Case("reset_usage_batch", f"{DUE} due users, again", _reset_again),
    Case("reconcile_subscriptions", "one subscription", _look),
    Case("move_people", "nobody moves", lambda world: world.invokes("move_people", {"Records": []})),
    Case("tend_move", "nobody moves", _idle("tend_move")),
    Case("sweep_usage", "nobody is due", _idle_sweep_of_usage),
    Case("sweep_usage", f"{DUE} users are due", _sweep_of_usage),
    Case("sweep_billing", "nothing was missed", _idle("sweep_billing")),
    Case("sweep_jobs", "nothing is due", _idle("sweep_jobs")),
    Case("sweep_jobs", "one job is overdue", _overdue_job),
    Case("sweep_erasures", "nothing is due", _idle("sweep_erasures")),
    Case("sweep_erasures", "one erasure is overdue", _overdue_erasure),
)  # fmt: skip
