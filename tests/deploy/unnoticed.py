"""Which permissions a main job cannot notice the loss of, and why. Each is exercised by a call of its own all the same.

A test holds both against the deployed service: what stands here goes unnoticed, and nothing else does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.deploy.removals import Permission

_ANALYSTS: Final = ("analyse_priority", "retry_analysis", "analyse_priority_backlog", "analyse_backlog")
_SENDING: Final = ("sqs:GetQueueUrl", "sqs:SendMessage")
_OTHER_LANES: Final = ("-analysis-priority", "-analysis-priority-backlog", "-analysis-backlog")
_BESIDE_UPLOADS: Final = ("/prepared/*", "/requests/*", "/results/*", "/failures/*")


@dataclass(frozen=True, slots=True)
class _Unnoticed:
    """A reason, and the permissions that it is about: no functions are all, and no resources are all; a resource is
    meant by how it ends."""

    reason: str
    actions: tuple[str, ...]
    functions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()

    def is_about(self, one: Permission) -> bool:
        """Whether it is about this permission."""
        is_of_function = not self.functions or one.function in self.functions
        is_of_resource = not self.resources or one.resource.endswith(self.resources)
        return one.action in self.actions and is_of_function and is_of_resource


_ENTRIES: Final = (
    _Unnoticed(
        "Lambda writes a function's lines with its role; the emulated cloud does so by itself.",
        ("logs:CreateLogStream", "logs:PutLogEvents"),
    ),
    _Unnoticed(
        "Lambda takes messages with the role of the function; the emulated cloud does so by itself.",
        ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    ),
    _Unnoticed(
        "Without a model the local reader answers in its place: that is what it is for.", ("bedrock:InvokeModel",)
    ),
    _Unnoticed(
        "A document goes into one of four queues; the other three are for premium tiers and further documents.",
        _SENDING,
        ("api_handler", "document_uploaded", "sweep_jobs"),
        _OTHER_LANES,
    ),
    _Unnoticed("A document is sent on again after an attempt that failed.", _SENDING, _ANALYSTS),
    _Unnoticed("A question is sent on again after an attempt that failed.", _SENDING, ("answer_question",)),
    _Unnoticed("A question that was lost is sent on again.", _SENDING, ("sweep_jobs",), ("-chat-answers",)),
    _Unnoticed(
        "Places in line are taken when a document is sent on.", ("dynamodb:PutItem",), (*_ANALYSTS, "sweep_jobs")
    ),
    _Unnoticed("Jobs of an owner who was erased meanwhile are removed.", ("dynamodb:DeleteItem",), _ANALYSTS),
    _Unnoticed(
        "The unit of a question is given back where there is no answer.", ("dynamodb:DeleteItem",), ("answer_question",)
    ),
    _Unnoticed(
        "An answer that an earlier attempt stored is looked for when the message comes again.",
        ("s3:GetObject",),
        ("answer_question",),
        ("/results/*",),
    ),
    _Unnoticed(
        "What came by a form or in pages is looked for; what came through the service was looked at before.",
        ("s3:GetObject", "s3:ListBucket"),
        ("document_uploaded",),
    ),
    _Unnoticed(
        "S3 tells absence from refusal only to whoever may list; the emulated cloud tells everybody.",
        ("s3:ListBucket",),
        (*_ANALYSTS, "answer_question", "sweep_jobs"),
    ),
    _Unnoticed(
        "A result is looked for where the retries of a job are used up.",
        ("s3:GetObject",),
        ("sweep_jobs",),
        ("/results/*",),
    ),
    _Unnoticed(
        "Objects are removed where a worker was overtaken, or what came by a form was cleaned.",
        ("s3:DeleteObject",),
        ("document_uploaded", "sweep_jobs"),
    ),
    _Unnoticed("Objects are removed where a worker was overtaken.", ("s3:DeleteObject",), _ANALYSTS, _BESIDE_UPLOADS),
    _Unnoticed(
        "Why a document failed stands in its job; its object is asked for where there is no job any more.",
        ("s3:GetObject",),
        ("api_handler",),
        ("/failures/*",),
    ),
    _Unnoticed("Reports are for premium tiers.", ("s3:GetObject",), ("retry_analysis",), ("/requests/*",)),
    _Unnoticed(
        "A link to a file of one's own is for others who wait: what was asked, cleaned or exported.",
        ("s3:GetObject",),
        ("api_handler",),
        ("/prepared/*", "/requests/*", "/exports/*"),
    ),
    _Unnoticed(
        "What was nobody's is moved to whoever claims it, and a guard goes with what it guarded.",
        ("dynamodb:DeleteItem",),
        ("api_handler",),
    ),
    _Unnoticed("Only a large export is stored.", ("s3:PutObject",), ("api_handler",), ("/exports/*",)),
    _Unnoticed("What was nobody's is moved to whoever claims it.", ("dynamodb:DeleteItem",), ("sweep_billing",)),
    _Unnoticed("Looks are handed over where a paid time ran out unheard.", _SENDING, ("sweep_billing",)),
    _Unnoticed(
        "A look that finds no drift takes nothing away.", ("dynamodb:DeleteItem",), ("reconcile_subscriptions",)
    ),
)


def reason_for(permission: Permission) -> str | None:
    """Return why nobody notices that a permission is gone; None where a job must fail without it."""
    return next((one.reason for one in _ENTRIES if one.is_about(permission)), None)
