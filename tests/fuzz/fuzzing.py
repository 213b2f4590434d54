"""A fuzz of the whole contract: cases by schemathesis, completed by what a genuine caller knows, counted by route."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.generation import GenerationMode

from dev.forgery import unsigned, with_claims_changed
from tests.fuzz import checks as our_checks
from tests.fuzz.hints import HINTS, NEWCOMERS, OTHERS
from tests.fuzz.people import People, Person
from tests.fuzz.place import Place
from tests.fuzz.walks import STARTS, Walker

CHECKS_OF_ANSWERS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
    our_checks.one_envelope.__name__,
    our_checks.no_overload.__name__,
)


CONVERSATION = "GET /chat/conversations/{content_id}"
"""The one route that never succeeds: conversations live on the phone."""


@dataclass(frozen=True)
class Plan:
    """How much is tried. The same seed draws the same cases."""

    seed: int
    cases_per_route: int
    scenarios: int
    walks: int
    steps: int = 6
    has_boundaries: bool = True
    genuine: float = 0.7
    """How many of the cases that the contract allows are completed."""


WHOLE = Plan(seed=20261122, cases_per_route=170, scenarios=200, walks=700)
"""What `make prove` tries: more than ten thousand calls."""


@dataclass
class Outcome:
    """What a fuzz saw."""

    statuses: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    other_methods: Counter[int] = field(default_factory=Counter)
    walked: Counter[tuple[str, int]] = field(default_factory=Counter)
    linked: int = 0
    failures: dict[tuple[str, str, str], str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    told: int = 0

    def tell(self) -> None:
        """Say how far it is, every thousand cases: it takes a while."""
        if self.cases // 1000 > self.told:
            self.told = self.cases // 1000
            print(f"{self.cases} cases, {len(self.failures)} kinds of failures", flush=True)

    @property
    def cases(self) -> int:
        by_route = sum(sum(one.values()) for one in self.statuses.values())
        return by_route + sum(self.other_methods.values()) + sum(self.walked.values())

    def is_hardly_reached(self, label: str) -> bool:
        """Whether a route did what it is for in less than a tenth of its calls, those left out that speak of no media
        type that it takes. Routes without any input have few calls: there is but one to make."""
        counts = self.statuses[label]
        successes = sum(number for status, number in counts.items() if status < 300)
        return successes < max(1, (sum(counts.values()) - counts[415]) / 10)

    def table(self) -> str:
        """The answers by route and status."""
        lines = [f"{self.cases} cases, {sum(self.walked.values()) + self.linked} of them on ways along links"]
        for label, counts in sorted(self.statuses.items()):
            lines.append(_line(label, counts))
        lines.append(_line("other methods", self.other_methods))
        lines.append("on walks:")
        for name in sorted({name for name, _ in self.walked}):
            counts = Counter({status: number for (one, status), number in self.walked.items() if one == name})
            lines.append(_line(name, counts))
        return "\n".join(lines)

    def complaints(self) -> str:
        return "\n\n".join([*self.broken, *self.failures.values()])


def _line(name: str, counts: Counter[int]) -> str:
    told = "  ".join(f"{status}: {number}" for status, number in sorted(counts.items()))
    return f"  {name:<46} {sum(counts.values()):>5}   {told}"


def fuzz(place: Place, document: dict[str, Any], plan: Plan) -> Outcome:
    """Try the contract as planned, and return what was seen."""
    people, outcome = People(place, plan.seed), Outcome()
    for name in ("premium", "free", "chooser", "paying"):
        people.named(name)
    schema = schemathesis.openapi.from_dict(deepcopy(document), config=_configured(place, plan))
    schema.auth(refresh_interval=None)(_auth_of(people))
    with _completing(people, plan):
        for event in from_schema(schema).execute():
            _take(event, outcome)
            outcome.tell()
    walker = Walker(schema, document, people, _checks_of_answers(), plan.seed)
    for number in range(plan.walks):
        walker.walk(STARTS[number % len(STARTS)], plan.steps)
    outcome.walked = walker.seen.links
    outcome.failures |= {("walk", name, ""): text for name, text in walker.seen.failures.items()}
    return outcome


def _checks_of_answers() -> list[Any]:
    from schemathesis.checks import CHECKS

    named = CHECKS.get_by_names(
        [name for name in CHECKS_OF_ANSWERS if name not in {"unsupported_method", "ignored_auth"}]
    )
    return list(named)


def _configured(place: Place, plan: Plan) -> SchemathesisConfig:
    return SchemathesisConfig.from_dict(
        {
            "seed": plan.seed,
            "base-url": place.url,
            "workers": 1,
            "continue-on-failure": True,
            # A curl command with its tokens can be run again; they are good for this run alone.
            "output": {"sanitization": {"enabled": False}},
            "request-timeout": 40,
            "checks": {"enabled": False, **{name: {"enabled": True} for name in CHECKS_OF_ANSWERS}},
            "generation": {
                "mode": "all",
                "no-shrink": True,
                "database": "none",
                "max-examples": plan.cases_per_route,
                # Whose token a case carries is for `_auth_of` to say.
                "with-security-parameters": False,
            },
            "phases": {
                "examples": {"enabled": False},
                "coverage": {"enabled": plan.has_boundaries},
                "stateful": {
                    "enabled": plan.scenarios > 0,
                    "max-steps": plan.steps,
                    "generation": {"max-examples": max(1, plan.scenarios)},
                },
            },
        }
    )


def _auth_of(people: People) -> type[Any]:
    class Bearer:
        """Whose token a case carries: mostly somebody good, sometimes a forgery, sometimes nobody."""

        def get(self, case: Case[Any], context: Any) -> str | None:
            name, lot = case.operation.definition.raw["operationId"], people.chance.random()
            if not case.operation.definition.raw["security"] or lot < 0.04:
                return None
            if lot < 0.08:
                return _forged(people)
            return _caller(people, name, is_usual=_is_negative(case)).access_token

        def set(self, case: Case[Any], data: str, context: Any) -> None:
            case.headers["Authorization"] = f"Bearer {data}"

    return Bearer


def _caller(people: People, operation: str, *, is_usual: bool) -> Person:
    """Who makes a call. One that will be refused anyhow is made by those who are always there: it changes nothing."""
    if operation in NEWCOMERS and not is_usual:
        return people.newcomer()
    usual = "premium" if people.chance.random() < 0.8 else "free"
    return people.named(OTHERS.get(operation, usual))


def _forged(people: People) -> str:
    good = people.named("free").access_token
    forgeries = (
        with_claims_changed(good, sub=people.named("premium").user_id),
        unsigned({"sub": people.named("free").user_id}),
        good[:-4] + "AAAA",
        people.named("free").refresh_token,
        people.id_token("somebody@google.example"),
    )
    return people.chance.choice(forgeries)


@contextmanager
def _completing(people: People, plan: Plan) -> Iterator[None]:
    """Complete cases before they are sent, and remember who signed in by one."""

    def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
        name = case.operation.definition.raw["operationId"]
        is_meant = case.method.upper() == case.operation.method.upper() and not _is_negative(case)
        if name not in HINTS or not is_meant or people.chance.random() > plan.genuine:
            return
        token = str(case.headers.get("Authorization", "")).removeprefix("Bearer ")
        person = people.of_token(token)
        if person is not None or not case.operation.definition.raw["security"]:
            HINTS[name](people, person, case)  # type: ignore[arg-type]  # a public route's hint asks for nobody

    def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
        if "auth" in case.operation.path and response.status_code == 200 and response.content:
            body = json.loads(response.content)
            if "refresh_token" in body:
                people.met(body["access_token"], body["refresh_token"], body["user"]["id"], _device(case))

    schemathesis.hook("before_call")(before_call)
    schemathesis.hook("after_call")(after_call)
    try:
        yield
    finally:
        schemathesis.hooks.unregister(before_call)
        schemathesis.hooks.unregister(after_call)


def _device(case: Case[Any]) -> str:
    body: dict[str, Any] = dict(case.body) if isinstance(case.body, dict) else {}
    return str((body.get("device_info") or {}).get("app_installation_id") or body.get("device_id") or "")


def _is_negative(case: Case[Any]) -> bool:
    return case.meta is not None and any(
        part.mode == GenerationMode.NEGATIVE
        for location, part in case.meta.components.items()
        if location in {ParameterLocation.BODY, ParameterLocation.PATH, ParameterLocation.QUERY}
    )


def _take(event: events.EngineEvent, outcome: Outcome) -> None:
    if isinstance(event, events.ScenarioFinished):
        _count(event.recorder, outcome)
    elif isinstance(event, events.NonFatalError):
        outcome.broken.append(f"{event.label}: {event.info.title}: {event.info.message}\n{event.value!r}")
    elif isinstance(event, events.FatalError):
        raise event.exception


def _count(recorder: ScenarioRecorder, outcome: Outcome) -> None:
    for case_id, interaction in recorder.interactions.items():
        if interaction.response is None or case_id not in recorder.cases:
            continue
        node = recorder.cases[case_id]
        is_own_method = node.value.method.upper() == node.value.operation.method.upper()
        counts = outcome.statuses[node.value.operation.label] if is_own_method else outcome.other_methods
        counts[interaction.response.status_code] += 1
        outcome.linked += node.transition is not None
        for check in recorder.checks.get(case_id, ()):
            if check.status is Status.FAILURE and check.failure_info is not None:
                failure = check.failure_info.failure
                key = (node.value.operation.label, check.name, failure.title)
                answer = interaction.response
                outcome.failures.setdefault(
                    key,
                    f"{node.value.operation.label}: {check.name}: {failure.title}\n{failure.message}\n"
                    f"answered {answer.status_code} {answer.content[:600] if answer.content else b''!r}\n"
                    f"{check.failure_info.code_sample[:3000]}",
                )
