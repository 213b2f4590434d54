"""Walks along the contract's links, as an app takes them: each call is made from what the answer before it gave."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from schemathesis import BaseSchema, Case, Response
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok

from tests.fuzz.hints import HINTS
from tests.fuzz.people import People, Person

STARTS: Final = (
    "sign_in",
    "begin_enrolment",
    "upload_document",
    "presign_upload",
    "list_jobs",
    "list_plans",
    "list_payments",
    "list_payments_alias_1",
    "list_chat_prompts",
    "claim_purchase",
    "change_consent",
    "request_erasure",
    "take_chat_message",
    "order_doctor_report",
)
"""Where walks begin."""
OF_THE_SETTLED: Final = {one for one in STARTS if one.startswith(("list", "take", "order"))} - {"list_plans"}
"""These are begun by somebody who has been here for a while, and is premium; the others by somebody new."""
Completion = Callable[[People, Person, dict[str, Any]], dict[str, Any]]
COMPLETIONS: Final[Mapping[str, Completion]] = {
    "begin_enrolment": lambda _, __, body: {"biometric_type": "face", **body},
    "complete_enrolment": lambda people, person, body: {**people.completion(person, person.challenge), **body},
    "verify_proof": lambda _, person, body: {"biometric_signature": person.signed(body["challenge"]), **body},
    "update_profile": lambda people, _, body: {"name": f"Name {people.chance.randrange(99)}", **body},
    "answer_chat_message": lambda _, __, body: {"conversation_id": "talk", "message": "What is ferritin?", **body},
    "take_chat_message": lambda _, __, body: {"message": f"What is ferritin? {uuid4()}", **body},
}
"""What a caller adds to what a link gives."""


@dataclass
class Walked:
    """What walks met: how often each link was followed to which status, and what failed."""

    links: Counter[tuple[str, int]] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)


class Walker:
    """Walks. The same seed takes the same ways."""

    def __init__(
        self, schema: BaseSchema, document: Mapping[str, Any], people: People, checks: list[Any], seed: int
    ) -> None:
        # The schema's own copy of the document has more links, which were guessed.
        self.said = {one["operationId"]: one for path in document["paths"].values() for one in path.values()}
        found = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
        self.operations = {one.definition.raw["operationId"]: one for one in found}
        self.people, self.checks, self.chance, self.seen = people, checks, random.Random(seed), Walked()

    def walk(self, start: str, steps: int) -> None:
        """Make one walk from a start: so many calls, or until nothing follows."""
        person = self.people.named("premium") if start in OF_THE_SETTLED else self.people.newcomer()
        case = self._case(start, person)
        if start in HINTS:
            HINTS[start](self.people, person, case)
        name = start
        for _ in range(steps):
            answer = self._sent(name, case, person)
            links = self._links(name, answer)
            if not links:
                return
            link = self.chance.choice(links)
            following = self._followed(link, case, answer, person)
            if following is None:
                return
            case, name = following, link["operationId"]

    def _case(self, name: str, person: Person) -> Case[Any]:
        operation = self.operations[name]
        has_body = "requestBody" in self.said[name]
        media_type = next(iter(self.said[name]["requestBody"]["content"])) if has_body else None
        more: dict[str, Any] = {"body": {}, "media_type": media_type} if has_body else {}
        case: Case[Any] = operation.Case(path_parameters={}, query={}, headers={}, **more)
        if self.said[name]["security"]:
            case.headers["Authorization"] = f"Bearer {person.access_token}"
            case._has_explicit_auth = True
        if name.startswith("list_chat_prompts"):
            case.query["content_type"] = "result"
        return case

    def _sent(self, name: str, case: Case[Any], person: Person) -> Response:
        answer = case.call()
        self.seen.links[(name, answer.status_code)] += 1
        try:
            case.validate_response(answer, checks=self.checks)
        except FailureGroup as group:
            for failure in group.exceptions:
                self.seen.failures.setdefault(
                    f"{name}: {failure.title}", f"on a walk: {failure}\n{case.as_curl_command()}"
                )
        body = _json(answer)
        if "refresh_token" in body:
            person.access_token, person.refresh_token = body["access_token"], body["refresh_token"]
        if "challenge" in body:
            person.registration_id, person.challenge = body["registration_id"], body["challenge"]
        if name in {"upload_document", "order_doctor_report"} and answer.status_code < 300:
            self.people.wait_for(person, body["job_id"])
        return answer

    def _links(self, name: str, answer: Response) -> list[dict[str, Any]]:
        declared = self.said[name]["responses"].get(str(answer.status_code), {})
        return list(declared.get("links", {}).values())

    def _followed(self, link: Mapping[str, Any], case: Case[Any], answer: Response, person: Person) -> Case[Any] | None:
        """The next call; None where the answer lacks what the link takes: the last page has no cursor."""
        sources = {"$response.body": _json(answer), "$request.body": case.body}
        try:
            parameters = _resolved(link.get("parameters", {}), sources)
            body = _resolved(link.get("requestBody", {}), sources)
        except LookupError:
            return None
        name = link["operationId"]
        following = self._case(name, person)
        for place in self.said[name].get("parameters", ()):
            if place["name"] in parameters:
                target = following.path_parameters if place["in"] == "path" else following.query
                target[place["name"]] = parameters[place["name"]]
        if name in COMPLETIONS or body:
            following.body = COMPLETIONS[name](self.people, person, body) if name in COMPLETIONS else body
        elif name == "claim_purchase":
            HINTS[name](self.people, person, following)
        return following


def _json(answer: Response) -> dict[str, Any]:
    is_json = answer.headers.get("content-type", [""])[0].startswith("application/json") and answer.content
    found: dict[str, Any] = json.loads(answer.content) if is_json else {}
    return found


def _resolved(value: Any, sources: Mapping[str, Any]) -> Any:
    """Read runtime expressions.

    Raises:
        LookupError: what is pointed to is not there, or null.
    """
    if isinstance(value, Mapping):
        return {name: _resolved(part, sources) for name, part in value.items()}
    if isinstance(value, list):
        return [_resolved(part, sources) for part in value]
    if not isinstance(value, str) or not value.startswith("$"):
        return value
    source, _, pointer = value.partition("#")
    found = sources[source]
    for part in pointer.strip("/").split("/"):
        found = found[int(part)] if isinstance(found, list) else found[part]
    if found is None:
        raise LookupError(value)
    return found
