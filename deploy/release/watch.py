"""What a release is judged by while a tenth of the calls go to it: the declared alarms, and the new versions' errors.

An alarm counts the whole stage, and a tenth of a quiet stage's calls moves none. So the errors of the very versions
that are tried are counted as well; CloudWatch keeps those of an alias by the version that ran (`ExecutedVersion`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from deploy.release.names import ALIAS, function_name
from deploy.release.place import Place, Refused

MOST_ERRORS: Final = 2
"""So many failed invocations of one function may be anybody's; a third one takes the release back."""

_BOTH: Final = ["MetricAlarm", "CompositeAlarm"]


@dataclass(frozen=True, slots=True)
class Watch:
    """The alarms that a release answers to, by name."""

    place: Place
    alarms: Sequence[str]

    def ringing(self) -> list[str]:
        """Return the names of the alarms that are going off.

        Raises:
            Refused: one of them does not exist: whoever watches nothing sees nothing.
        """
        if not self.alarms:
            return []
        watch: Any = self.place.client("cloudwatch")
        found: dict[str, str] = {}
        for page in watch.get_paginator("describe_alarms").paginate(AlarmNames=list(self.alarms), AlarmTypes=_BOTH):
            found |= {one["AlarmName"]: one["StateValue"] for one in page["MetricAlarms"]}
            found |= {one["AlarmName"]: one["StateValue"] for one in page.get("CompositeAlarms", [])}
        missing = sorted(set(self.alarms) - set(found))
        if missing:
            raise Refused(f"These alarms are declared and not there: {', '.join(missing)}. Deploy the stack first.")
        return sorted(name for name, state in found.items() if state == "ALARM")

    def failing(self, tried: Mapping[str, str], since: datetime) -> list[str]:
        """Return a sentence for each function whose new version failed more often than chance does: it raised, was
        killed or ran out of time."""
        if not tried:
            return []
        functions = sorted(tried)
        answer: Any = self.place.client("cloudwatch").get_metric_data(
            MetricDataQueries=[
                _errors_of(f"e{number}", function_name(self.place.settings.stage, function), tried[function])
                for number, function in enumerate(functions)
            ],
            StartTime=since.replace(second=0, microsecond=0),
            EndTime=datetime.now(UTC) + timedelta(minutes=1),
        )
        counts = {one["Id"]: sum(one["Values"]) for one in answer["MetricDataResults"]}
        return [
            f"{function}, version {tried[function]}, failed {counts[f'e{number}']:.0f} times"
            for number, function in enumerate(functions)
            if counts.get(f"e{number}", 0) > MOST_ERRORS
        ]


def _errors_of(key: str, name: str, version: str) -> dict[str, Any]:
    dimensions = {"FunctionName": name, "Resource": f"{name}:{ALIAS}", "ExecutedVersion": version}
    metric = {
        "Namespace": "AWS/Lambda",
        "MetricName": "Errors",
        "Dimensions": [{"Name": dimension, "Value": value} for dimension, value in dimensions.items()],
    }
    return {"Id": key, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
