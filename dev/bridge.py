"""The event bridge: what AWS does around the functions, and `chalice local` does not.

It reads what to do from the application itself, so that a new handler in `app.py` needs nothing here:

* a declared S3 handler gets a bucket notification in the embedded cloud, a declared schedule a rule. Both deliver to
  one queue, the inbox, which stands for Lambda's own queue of asynchronous invocations: two retries, then given up;
* a declared queue handler has its queue polled: batches, visibility time-outs, redrive to the dead-letter queue.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from chalice.app import Chalice, CloudWatchEventConfig, S3EventConfig, ScheduledEventConfig, SQSEventConfig
from chalice.config import Config

from deploy.resources import Resources
from dev.event_shapes import queue_event
from dev.invocation import Functions

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

_LOG: Final = logging.getLogger("dev.bridge")
_INBOX_WORKERS: Final = 4
_QUEUE_WORKERS: Final = 2
_LONGEST_BATCH: Final = 10
# Lambda tries an asynchronous invocation three times, after one and two minutes. Nobody at a desk waits for that.
RETRY_DELAYS_SECONDS: Final = (1, 2)


class UnsupportedSourceError(Exception):
    """The application declares a kind of event source that the bridge does not carry."""


def inbox_name(app_name: str, stage: str) -> str:
    """Return the name of the queue that stands for asynchronous invocations; only the embedded cloud has it."""
    return f"{app_name}-{stage}-bridge-inbox"


def rule_name(app_name: str, stage: str, function: str) -> str:
    """Return the name of the rule that fires a declared schedule."""
    return f"{app_name}-{stage}-{function}"


class Bridge:
    """Carries events from the embedded cloud to the functions of an application, in threads of this process."""

    def __init__(
        self,
        app: Chalice,
        config: Config,
        resources: Resources,
        *,
        s3: S3Client,
        sqs: SQSClient,
        events: Any,
        poll_seconds: int = 5,
    ) -> None:
        self._app = app
        self._stage: str = config.chalice_stage
        self._functions = Functions(app, config)
        self._resources = resources
        self._s3 = s3
        self._sqs = sqs
        self._events = events
        self._poll_seconds = poll_seconds
        self._stopping = threading.Event()
        self._idle = threading.Condition()
        self._busy = 0

    def start(self) -> None:
        """Tell the embedded cloud where events go, and begin to carry them.

        Raises:
            UnsupportedSourceError: a declared source is of another kind.
        """
        self._refuse_other_kinds()
        inbox_url = self._make_inbox()
        inbox_arn = self._arn_of(inbox_url)
        self._notify_of_objects(inbox_arn)
        self._notify_of_schedules(inbox_arn)
        for _ in range(_INBOX_WORKERS):
            self._run(self._carry_inbox, inbox_url)
        for source in self._sources(SQSEventConfig):
            url = self._sqs.get_queue_url(QueueName=_queue_name(source))["QueueUrl"]
            for _ in range(min(source.maximum_concurrency or _QUEUE_WORKERS, _QUEUE_WORKERS)):
                self._run(self._carry_queue, source, url, self._arn_of(url))

    def stop(self, *, wait_seconds: float = 2.0) -> None:
        """Stop carrying; functions that run are given a moment. What was not finished reappears in its queue."""
        self._stopping.set()
        with self._idle:
            self._idle.wait_for(lambda: self._busy == 0, timeout=wait_seconds)

    # Declarations

    def _sources(self, kind: type[Any]) -> Iterator[Any]:
        return (source for source in self._app.event_sources if isinstance(source, kind))

    def _refuse_other_kinds(self) -> None:
        carried = (S3EventConfig, SQSEventConfig, ScheduledEventConfig, CloudWatchEventConfig)
        for source in self._app.event_sources:
            if not isinstance(source, carried):
                raise UnsupportedSourceError(f"The bridge does not carry {type(source).__name__} ({source.name}).")

    def _make_inbox(self) -> str:
        longest = max((self._functions.timeout_seconds(name) for name in self._app.handler_map), default=60)
        created = self._sqs.create_queue(QueueName=inbox_name(self._app.app_name, self._stage))
        self._sqs.set_queue_attributes(
            QueueUrl=created["QueueUrl"], Attributes={"VisibilityTimeout": str(longest + 10)}
        )
        return created["QueueUrl"]

    def _notify_of_objects(self, inbox_arn: str) -> None:
        by_bucket: dict[str, list[Any]] = {}
        for source in self._sources(S3EventConfig):
            by_bucket.setdefault(source.bucket, []).append(_notification(source, inbox_arn))
        for bucket, notifications in by_bucket.items():
            self._s3.put_bucket_notification_configuration(
                Bucket=bucket, NotificationConfiguration={"QueueConfigurations": notifications}
            )

    def _notify_of_schedules(self, inbox_arn: str) -> None:
        for source in self._sources((ScheduledEventConfig, CloudWatchEventConfig)):  # type: ignore[arg-type]
            name = rule_name(self._app.app_name, self._stage, source.name)
            self._events.put_rule(Name=name, State="ENABLED", **_trigger(source))
            self._events.put_targets(Rule=name, Targets=[{"Id": "inbox", "Arn": inbox_arn}])

    def _arn_of(self, queue_url: str) -> str:
        described = self._sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
        return described["Attributes"]["QueueArn"]

    # Carrying

    def _run(self, carry: Callable[..., None], *arguments: Any) -> None:
        def keep_carrying() -> None:
            while not self._stopping.is_set():
                try:
                    carry(*arguments)
                except (BotoCoreError, ClientError) as error:
                    if not self._stopping.wait(0.5):
                        _LOG.warning("The embedded cloud did not answer: %s", error)

        threading.Thread(target=keep_carrying, name=carry.__name__, daemon=True).start()

    def _receive(self, queue_url: str, most: int) -> Sequence[Any]:
        received = self._sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=most,
            WaitTimeSeconds=self._poll_seconds,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        # What comes in while we stop stays unhandled, and reappears.
        return [] if self._stopping.is_set() else received.get("Messages", [])

    def _carry_inbox(self, queue_url: str) -> None:
        for message in self._receive(queue_url, 1):
            event = json.loads(message["Body"])
            name = self._function_for(event)
            if name is not None and not self._is_carried(name, event):
                attempt = int(message["Attributes"]["ApproximateReceiveCount"])
                if attempt <= len(RETRY_DELAYS_SECONDS):
                    self._sqs.change_message_visibility(
                        QueueUrl=queue_url,
                        ReceiptHandle=message["ReceiptHandle"],
                        VisibilityTimeout=RETRY_DELAYS_SECONDS[attempt - 1],
                    )
                    continue
                _LOG.error("%s failed %d times; the event is given up, as Lambda would.", name, attempt)
            self._sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])

    def _function_for(self, event: dict[str, Any]) -> str | None:
        """Which function an event is for; none for the test that S3 sends when a notification is set."""
        records = event.get("Records")
        if records:
            return str(records[0]["s3"]["configurationId"])
        prefix = rule_name(self._app.app_name, self._stage, "")
        for resource in event.get("resources", []):
            name = resource.rpartition("/")[2].removeprefix(prefix)
            if name in self._app.handler_map:
                return str(name)
        if event.get("Event") != "s3:TestEvent":
            _LOG.warning("An event came that no function was declared for: %s", event.get("detail-type"))
        return None

    def _carry_queue(self, source: SQSEventConfig, queue_url: str, queue_arn: str) -> None:
        messages = self._receive(queue_url, min(source.batch_size, _LONGEST_BATCH))
        if not messages:
            return
        try:
            answer = self._invoke(source.name, queue_event(messages, queue_arn))
        except Exception:
            # Nothing is deleted: the batch reappears after its visibility time-out, and in the end is redriven.
            _LOG.exception("%s failed on %d message(s)", source.name, len(messages))
            return
        queue = self._resources.queue_named(_queue_name(source))
        failed = _failed_ids(answer) if queue is not None and queue.reports_item_failures else frozenset()
        done = [message for message in messages if message["MessageId"] not in failed]
        if done:
            self._sqs.delete_message_batch(
                QueueUrl=queue_url,
                Entries=[{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(done)],
            )

    def _is_carried(self, name: str, event: dict[str, Any]) -> bool:
        try:
            self._invoke(name, event)
        except Exception:
            _LOG.exception("%s failed", name)
            return False
        return True

    def _invoke(self, name: str, event: dict[str, Any]) -> Any:
        with self._idle:
            self._busy += 1
        try:
            return self._functions.invoke(name, event)
        finally:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()


def _notification(source: S3EventConfig, queue_arn: str) -> Any:
    rules = [("prefix", source.prefix), ("suffix", source.suffix)]
    filters = [{"Name": name, "Value": value} for name, value in rules if value]
    return {
        "Id": source.name,
        "QueueArn": queue_arn,
        "Events": list(source.events),
        **({"Filter": {"Key": {"FilterRules": filters}}} if filters else {}),
    }


def _trigger(source: ScheduledEventConfig | CloudWatchEventConfig) -> dict[str, str]:
    if isinstance(source, CloudWatchEventConfig):
        return {"EventPattern": json.dumps(source.event_pattern)}
    expression = source.schedule_expression
    return {"ScheduleExpression": expression if isinstance(expression, str) else expression.to_string()}


def _queue_name(source: SQSEventConfig) -> str:
    return str(source.queue or (source.queue_arn or "").rpartition(":")[2])


def _failed_ids(answer: Any) -> frozenset[str]:
    failures = answer.get("batchItemFailures", []) if isinstance(answer, dict) else []
    return frozenset(str(failure["itemIdentifier"]) for failure in failures)
