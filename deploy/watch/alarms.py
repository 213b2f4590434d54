"""Every alarm of a stage: when it goes off, what that means, and what to do then.

An alarm costs $0.10 a month for each metric that it adds up, so what another alarm says as well has none of its own:
`reasons.py` names it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from chalicelib.config import Settings
from chalicelib.observe.registry import Metric
from deploy.watch import native
from deploy.watch.declared import Alarm, ours

_MINUTE: Final = timedelta(minutes=1)
_FIVE_MINUTES: Final = timedelta(minutes=5)
_QUARTER: Final = timedelta(minutes=15)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)

MODEL_CENTS_AN_HOUR: Final = 500
"""Five dollars: some forty documents of ten pages."""


def alarms(settings: Settings) -> tuple[Alarm, ...]:
    """Return the alarms of a stage, the ones to get up for first."""
    moving = _move(settings) if settings.has_legacy_rights else ()
    return (*_answers(settings), *_table(settings), *_functions(settings), *_rooms(settings), *_keys(settings), *moving)


def _answers(settings: Settings) -> tuple[Alarm, ...]:
    return (
        Alarm(
            "api-5xx",
            (native.api(settings, "5XXError", "Sum"),),
            5,
            _FIVE_MINUTES,
            "People were answered with errors that are ours.",
            "Look for `request_failed` and `request_failed_unexpectedly` in the log of the API's function: the first "
            "names what did not answer (table, keys, a provider), the second a defect. Without any such line the "
            "function was killed or never started: look at its errors and at the last release, and roll back.",
            takes_release_back=True,
        ),
        Alarm(
            "api-latency",
            (native.api(settings, "Latency", "p95"),),
            5_000,
            _FIVE_MINUTES,
            "One answer in twenty took five seconds or longer.",
            "Compare with the same hour of other days on the dashboard. Chat waits for a model: if that is what is "
            "slow, turn models off for a while. Otherwise look at throttles of the table and at cold starts.",
            periods=3,
            takes_release_back=True,
        ),
    )


def _table(settings: Settings) -> tuple[Alarm, ...]:
    todo = (
        "The table is on demand: it follows load, and throttles when load more than doubles within half an hour or one "
        "partition is too hot. What was throttled was tried again. If it goes on, see which route or sweep is busy, "
        "and whether one account is; a limit of the account is raised by AWS's support."
    )
    return (
        Alarm(
            "read-throttles",
            (native.table(settings, "ReadThrottleEvents"),),
            5,
            _MINUTE,
            "The table refused reads.",
            todo,
            periods=2,
        ),
        Alarm(
            "write-throttles",
            (native.table(settings, "WriteThrottleEvents"),),
            5,
            _MINUTE,
            "The table refused writes.",
            todo,
            periods=2,
        ),
    )


def _functions(settings: Settings) -> tuple[Alarm, ...]:
    return (
        Alarm(
            "function-errors",
            (native.all_functions("Errors"),),
            3,
            _QUARTER,
            "Functions ended with an error, were killed, or could not start.",
            "Find which on the dashboard. AWS invokes again what failed, a schedule twice, a message four times. Look "
            "for `tick_failed`, `message_failed` or `records_failed` in its log, or for `Task timed out`. The number "
            "is that of the whole account: another stage in it rings here as well.",
        ),
        Alarm(
            "events-failed",
            (ours(settings, Metric.EVENT_FAILED),),
            3,
            _QUARTER,
            "This stage could not do what an event, a message or a schedule asked for.",
            "The lines `message_failed`, `records_failed` and `tick_failed` say what was raised and where; they carry "
            "the id of the request that it came from. For `sweep_billing` a store does not answer: nothing is lost for "
            "four weeks.",
            takes_release_back=True,
        ),
        Alarm(
            "near-time-limit",
            (ours(settings, Metric.RAN_NEAR_LIMIT),),
            3,
            _HOUR,
            "Runs took more than four fifths of their time; the next ones may be killed.",
            "`ran_near_limit` says what was done and for how long. Raise `lambda_timeout` (the queue's visibility "
            "follows) or `lambda_memory_size` in `.chalice/config.json`; for the API the limit is 29 seconds.",
        ),
        Alarm(
            "dead-letters",
            native.dead_letters(settings),
            1,
            _FIVE_MINUTES,
            "A message was given up after five attempts.",
            "See which queue it is (“Redrive dead letters”), why (`message_failed` with the message's id of a "
            "request), mend that, and send the messages back. The alarm ends when the queue is empty.",
        ),
        Alarm(
            "queue-age",
            (native.age(settings.retries_queue),),
            900,
            _FIVE_MINUTES,
            "A document has waited for a quarter of an hour.",
            "Is the function behind the queue throttled (account limit of concurrency), or does every run fail? If "
            "models are slow, turn them off for a while; the local analyst goes on.",
            periods=2,
        ),
    )


def _rooms(settings: Settings) -> tuple[Alarm, ...]:
    return (
        Alarm(
            "webhooks",
            (ours(settings, Metric.WEBHOOK_FAILED),),
            5,
            _QUARTER,
            "Notices of stores were not taken.",
            "`webhook_failed`: we answered with an error; stores send again for days, and the hourly reconciliation "
            "asks for what is missing. `billing_notice_refused`: a signature was wrong; if it is every notice of one "
            "store, its secret here is not the one that it signs with.",
        ),
        Alarm(
            "store-words",
            (ours(settings, Metric.STORE_WORD_NOT_UNDERSTOOD),),
            1,
            _FIVE_MINUTES,
            "A store said something of a purchase that we could not read, apply, or name a plan for.",
            "`unknown_product_bought`: somebody paid for a product that the stage's variables do not name; add it, "
            "and the next look sets it right. `app_store_word_unreadable`, `play_store_order_not_readable`, "
            "`billing_replay_failed`: the store has changed its words, or we have a defect.",
        ),
        Alarm(
            "billing-drift",
            (ours(settings, Metric.BILLING_DRIFT_FOUND),),
            10,
            _DAY,
            "Many purchases differed from what their store says; they were set right.",
            "See “Look after purchases”: for `google` look at the Pub/Sub subscription, for the others at the "
            "webhook's address and at recent changes of ours.",
        ),
        Alarm(
            "models",
            (ours(settings, Metric.MODEL_FAILURES),),
            5,
            _QUARTER,
            "Language models did not answer, or refused.",
            "Is the provider down (its status page), a quota of Bedrock spent, or the key of Anthropic gone? The "
            "local analyst stands in where the stage names it. A model that does harm is turned off with "
            "`python -m deploy.model_switch`.",
        ),
        Alarm(
            "model-spend",
            (ours(settings, Metric.MODEL_CENTS),),
            MODEL_CENTS_AN_HOUR,
            _HOUR,
            "Language models cost more than five dollars within an hour.",
            "Nobody can spend more than their daily cap; so it is many people (a good day: raise the threshold) or "
            "many accounts of one. Turn models off if it is not wanted.",
        ),
        Alarm(
            "reset-lag",
            (ours(settings, Metric.USAGE_RESET_LAG, "Maximum"),),
            timedelta(hours=36).total_seconds(),
            _DAY,
            "The nightly sweep found users who had been due for more than a day and a half.",
            "Nobody was held up: the right period is computed at every use. The sweep did not run, or broke off: look "
            "for `usage_sweep_began` without `usage_sweep_ended`, and invoke it again.",
        ),
        Alarm(
            "erasures",
            (ours(settings, Metric.ERASURE_OVERDUE),),
            3,
            _HOUR,
            "An erasure does not come to its end; the law gives it a month.",
            "See “Look at an erasure”: the log has the cause under its `erasure_id`.",
        ),
    )


def _move(settings: Settings) -> tuple[Alarm, ...]:
    return (
        Alarm(
            "move-drift",
            (ours(settings, Metric.MIGRATION_DRIFT),),
            1,
            _FIVE_MINUTES,
            "The table would have answered somebody otherwise than PostgreSQL did.",
            "Nobody saw it. Verify (`python -m chalicelib.migration verify`), and understand each difference before it "
            "is repaired.",
        ),
        Alarm(
            "move-backlog",
            (ours(settings, Metric.MIGRATION_BACKLOG, "Minimum"),),
            10_000,
            _QUARTER,
            "Changes come in faster than they are copied, or are not copied at all.",
            "Nobody notices, but the cut-over and the way back take as long as it takes to work this off. "
            "`python -m chalicelib.migration status` says where we stand; `drain --do` helps.",
        ),
        Alarm(
            "move-set-aside",
            (ours(settings, Metric.MIGRATION_SET_ASIDE, "Maximum"),),
            1,
            _FIVE_MINUTES,
            "Somebody could not be copied after several attempts.",
            "`copy_failed` in the log says why. Mend the row or the mapping, then `drain --do` tries again.",
        ),
    )


def _keys(settings: Settings) -> tuple[Alarm, ...]:
    return (
        Alarm(
            "tokens-reused",
            (ours(settings, Metric.REFRESH_TOKEN_REUSED),),
            5,
            _HOUR,
            "Old refresh tokens come back: tokens are being stolen, or an app keeps old ones.",
            "Each reuse has ended its session. Look at `address` and `user` of the audit lines "
            "`refresh_token_reused`: one network and many people is an attack, one version of the app is a defect.",
        ),
        Alarm(
            "keys-rotated",
            (ours(settings, Metric.TOKEN_KEYS_ROTATED),),
            1,
            _FIVE_MINUTES,
            "Another key signs tokens than before.",
            "Planned: nothing. Not planned: somebody else writes the secret. Kill all keys, and find out who in "
            "CloudTrail (`PutSecretValue`).",
        ),
        Alarm(
            "secrets",
            (ours(settings, Metric.SECRET_NOT_READ),),
            5,
            _FIVE_MINUTES,
            "Processes cannot read their secrets; rotated and killed keys are not picked up.",
            "`secret_not_read` names the secret. Is Secrets Manager down, the secret gone, or the role's permission? "
            "A secret that was deleted can be restored for thirty days.",
        ),
    )
