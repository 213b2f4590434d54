"""Small functions under the names of a stage's, made through the client that Chalice's deployer is given."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.session import Session

from deploy.release.aliased import AliasedClient
from deploy.release.aliases import Aliases
from deploy.release.names import ALIAS, API_FUNCTION, function_name
from deploy.release.place import Place, Refused
from deploy.release.shift import Pace, Release
from deploy.release.watch import Watch
from tests.deploy.cloud import Said, role, zipped

FUNCTIONS = ("api_handler", "retry_analysis")
_SOURCE = "def handler(event, context):\n    return {'version': %r}\n"


class Impatient(AliasedClient):
    """Goes on at once where Chalice looks every five seconds whether a function is ready: `Stage` waits for all."""

    def _wait_for_active(self, function_name: str) -> None:
        """Not yet."""

    def _wait_for_function_update(self, function_name: str) -> None:
        """Not yet."""


class Clock:
    """Time that passes when somebody sleeps; `on_sleep` is told the seconds since the start."""

    def __init__(self, on_sleep: Callable[[float], None] = lambda _: None) -> None:
        self.at, self._on_sleep = 0.0, on_sleep

    def sleep(self, seconds: float) -> None:
        self.at += seconds
        self._on_sleep(self.at)

    def now(self) -> float:
        return self.at


@dataclass
class Checked:
    """A check that remembers what it was asked, and refuses the version that it is told to."""

    refuses: str | None = None
    asked: list[dict[str, str]] = field(default_factory=list)

    def run(self, versions: Mapping[str, str]) -> None:
        self.asked.append(dict(versions))
        if self.refuses in versions.values():
            raise Refused("does not answer as it must")


@dataclass
class Stage:
    """A stage with small functions."""

    place: Place
    role_arn: str
    check: Checked = field(default_factory=Checked)
    said: Said = field(default_factory=Said)
    alarms: tuple[str, ...] = ()

    @property
    def client(self) -> AliasedClient:
        """What Chalice's deployer is given."""
        session = Session()
        session.set_config_variable("region", self.place.settings.region)
        return Impatient(session)

    def deploy(self, source: str, functions: tuple[str, ...] = FUNCTIONS) -> None:
        """Do what Chalice's deployer does with functions."""
        client = self.client
        names = [function_name(self.place.settings.stage, function) for function in functions]
        for name in names:
            content: Any = zipped(_SOURCE % source)
            if client.lambda_function_exists(name):
                client.update_function(name, content)
            else:
                tags = {"aws-chalice": "version=1.34.0:stage=dev:app=serenya"}
                client.create_function(name, self.role_arn, content, "python3.11", "main.handler", tags=tags)
        while any(client.get_function_configuration(name)["LastUpdateStatus"] == "InProgress" for name in names):
            time.sleep(0.02)

    def release(self, clock: Clock | None = None, *, is_forced: bool = False) -> Release:
        """A release as it would be begun anew."""
        clock = clock or Clock()
        return Release(
            Aliases(self.place),
            self.check,  # type: ignore[arg-type]  # it answers the one question that is asked
            Watch(self.place, self.alarms),
            self.said.say,
            Pace(sleep=clock.sleep, now=clock.now),
            is_forced=is_forced,
        )

    def alias(self, function: str = API_FUNCTION) -> tuple[str, dict[str, float]]:
        """Which version serves, and what share goes elsewhere."""
        name = function_name(self.place.settings.stage, function)
        found = self.place.client("lambda").get_alias(FunctionName=name, Name=ALIAS)
        return found["FunctionVersion"], found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})

    def ring(self, name: str, state: str = "ALARM") -> None:
        """Set an alarm's state, which makes the alarm where it is not there."""
        watch = self.place.client("cloudwatch")
        if not watch.describe_alarms(AlarmNames=[name])["MetricAlarms"]:
            watch.put_metric_alarm(
                AlarmName=name,
                Namespace="N",
                MetricName="M",
                Statistic="Sum",
                Period=60,
                EvaluationPeriods=1,
                Threshold=1,
                ComparisonOperator="GreaterThanThreshold",
            )
        watch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")

    def fail(self, times: int, version: str, function: str = API_FUNCTION) -> None:
        """Count failed invocations of a version as Lambda does."""
        name = function_name(self.place.settings.stage, function)
        dimensions = {"FunctionName": name, "Resource": f"{name}:{ALIAS}", "ExecutedVersion": version}
        self.place.client("cloudwatch").put_metric_data(
            Namespace="AWS/Lambda",
            MetricData=[
                {
                    "MetricName": "Errors",
                    "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
                    "Value": times,
                }
            ],
        )

    def serves(self, function: str = API_FUNCTION) -> str:
        """What the alias answers."""
        name = function_name(self.place.settings.stage, function)
        answer = self.place.client("lambda").invoke(FunctionName=name, Qualifier=ALIAS)
        return str(json.loads(answer["Payload"].read())["version"])


def stage_in(place: Place) -> Stage:
    """A stage with nothing deployed."""
    return Stage(place, role(place))
