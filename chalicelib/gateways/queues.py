"""Messages to queues (SQS)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import errors
from chalicelib.observe.log import CORRELATION, correlation_id

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef

_MOST_PER_REQUEST: Final = 10
"""SQS takes at most ten messages in one request."""
_MOST_ATTEMPTS: Final = 4
_FIRST_WAIT_SECONDS: Final = 0.1


@dataclass(slots=True)
class Queues:
    """Sends texts to queues by name. Safe under threads; the client and the queues' addresses are kept."""

    region: str
    _made_client: Any = None
    _urls: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, queue_name: str, message: str, delay_seconds: int = 0) -> None:
        """Send one message, to be seen after `delay_seconds` (at most 900, SQS's own limit). It may arrive twice.

        Raises:
            Unavailable: the queue did not take it.
        """
        with _translated():
            self._client().send_message(
                QueueUrl=self._url(queue_name),
                MessageBody=message,
                DelaySeconds=delay_seconds,
                MessageAttributes=_attributes(),
            )

    def send_batch(self, queue_name: str, messages: Sequence[str]) -> None:
        """Send messages, ten to a request; those that SQS did not take are sent again, a few times. Any may arrive
        twice.

        Raises:
            Unavailable: some were not taken in the end; which ones is not said, so send all of them again.
        """
        for first in range(0, len(messages), _MOST_PER_REQUEST):
            self._send_all(queue_name, messages[first : first + _MOST_PER_REQUEST])

    def _send_all(self, queue_name: str, messages: Sequence[str]) -> None:
        waiting = {str(number): message for number, message in enumerate(messages)}
        for attempt in range(_MOST_ATTEMPTS):
            if attempt:
                time.sleep(_FIRST_WAIT_SECONDS * 2 ** (attempt - 1))
            with _translated():
                answer = self._client().send_message_batch(
                    QueueUrl=self._url(queue_name),
                    Entries=[
                        {"Id": number, "MessageBody": message, "MessageAttributes": _attributes()}
                        for number, message in waiting.items()
                    ],
                )
            # SQS answers 200 although it took only some.
            failed = {failure["Id"] for failure in answer.get("Failed", [])}
            waiting = {number: message for number, message in waiting.items() if number in failed}
            if not waiting:
                return
        raise errors.Unavailable(message=f"The queue did not take {len(waiting)} of {len(messages)} messages.")

    def _client(self) -> SQSClient:
        with self._lock:
            if self._made_client is None:
                import boto3
                from botocore.config import Config

                self._made_client = boto3.client(
                    "sqs",
                    region_name=self.region,
                    config=Config(
                        connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
                    ),
                )
            client: SQSClient = self._made_client
            return client

    def _url(self, queue_name: str) -> str:
        url = self._urls.get(queue_name)
        if url is None:
            url = self._urls[queue_name] = self._client().get_queue_url(QueueName=queue_name)["QueueUrl"]
        return url


def _attributes() -> dict[str, MessageAttributeValueTypeDef]:
    """What a message says of the request that it comes from, beside its body."""
    found = correlation_id()
    return {} if found is None else {CORRELATION: {"DataType": "String", "StringValue": found}}


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as failure:
        raise errors.Unavailable(message="The queue does not answer at the moment.") from failure
