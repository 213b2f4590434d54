"""A stage put into an emulated cloud by the commands themselves: killed, run again, changed, taken back, removed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.config import load
from deploy.generate import ROOT
from deploy.permissions import FUNCTIONS
from deploy.release.changes import Stack
from deploy.release.found import deployed_record
from deploy.release.names import ALIAS, api_name, function_name
from deploy.release.place import Place
from deploy.release.project import config_for
from deploy.release.shift import Pace
from deploy.release.steps import Deployment
from deploy.stack.template import template
from dev.identity_provider import APPLE, AUDIENCES, GOOGLE, IdentityProvider
from tests.deploy.cloud import Said, emulated_place
from tests.deploy.releases import stage_in

QUICK = Pace(bake_seconds=2, look_seconds=1)


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with IdentityProvider() as found:
        yield found


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_a_deployment_that_is_killed_goes_on_and_the_way_back_and_the_end_are_whole(
    provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    with emulated_place() as there:
        _kill_a_deployment_with_some_functions(there)
        variables = _asking(provider)
        place = _told(there, variables)
        monkeypatch.setenv("SYNTHETIC_ID_TOKEN", _id_token(provider))

        first = _deployed(place, variables)
        assert "  … and signs out: 200" in first
        assert [_serving(place, one)[1] for one in FUNCTIONS] == [{}] * len(FUNCTIONS)
        assert _everything_points_to_the_alias(place)

        before = _serving(place, "api_handler")[0]
        assert _deployed(place, variables)[-1] == "There is nothing to change."
        assert _serving(place, "api_handler")[0] == before

        second = _deployed(place, {**variables, "UPGRADE_URL": "serenya://elsewhere"})
        assert "Sending 10% of the calls to the new versions for 2 seconds." in second
        after = _serving(place, "api_handler")[0]
        assert len(_resources(place)) == len({one["name"] for one in _resources(place)})  # nothing was made twice

        said = Said()
        Deployment(place, said.say, pace=QUICK, variables=variables).roll_back()
        assert after != before
        assert _serving(place, "api_handler")[0] == before

        Deployment(place, said.say, pace=QUICK, variables=variables).destroy()
        assert _resources(place) == []
        assert place.client("dynamodb").list_tables()["TableNames"] == []
        assert place.client("s3").list_buckets()["Buckets"] == []
        assert place.client("lambda").list_functions()["Functions"] == []


@pytest.mark.prove
@pytest.mark.timeout(600)
def test_what_chalice_made_is_removed_although_no_file_remembers_it(tmp_path: Path) -> None:
    with emulated_place() as place:
        stage, stack, said = stage_in(place), Stack(place, Said().say), Said()
        stage.deploy("1")
        api = place.client("apigateway").create_rest_api(name=api_name("dev"))["id"]
        stack.apply(stack.prepare(template(place.settings), None))
        deployment = Deployment(place, said.say, build=tmp_path)
        assert {one["name"] for one in _resources(place)} == {"api_handler", "retry_analysis", "rest_api"}
        deployment.destroy()
        assert _resources(place) == []
        assert api not in [one["id"] for one in place.client("apigateway").get_rest_apis()["items"]]
        assert place.client("lambda").list_functions()["Functions"] == []
        assert said[-1] == "The stage dev is gone."
        deployment.destroy()
        assert said[-1] == "There was nothing of the stage dev in account 000000000000."


def _kill_a_deployment_with_some_functions(place: Place) -> None:
    """Start the command and end it in the middle, as a laptop that is shut does."""
    arguments = [sys.executable, "-u", "-m", "deploy.release", "deploy", "--stage", "dev"]
    started = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert started.stdout is not None
    made = 0
    for line in started.stdout:
        made += line.startswith("Creating lambda function")
        if made == 3:
            break
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    assert 1 <= len(place.client("lambda").list_functions()["Functions"]) < len(FUNCTIONS)


def _deployed(place: Place, variables: dict[str, str]) -> Said:
    said = Said()
    Deployment(place, said.say, pace=QUICK, variables=variables).deploy()
    return said


def _asking(provider: IdentityProvider) -> dict[str, str]:
    """The variables by which the service asks our identity provider."""
    found = {}
    for name in (GOOGLE, APPLE):
        found[f"{name.upper()}_CLIENT_IDS"] = AUDIENCES[name]
        found[f"{name.upper()}_ISSUERS"] = provider.issuer(name)
        found[f"{name.upper()}_JWKS_URL"] = provider.jwks_url(name)
    return found


def _told(place: Place, variables: dict[str, str]) -> Place:
    config = config_for(place.settings, variables)
    return replace(place, settings=load(config["stages"]["dev"]["environment_variables"]))


def _id_token(provider: IdentityProvider) -> str:
    asked = urllib.request.Request(  # our own provider
        f"{provider.url}/google/token", data=json.dumps({"email": "release@google.example"}).encode(), method="POST"
    )
    with urllib.request.urlopen(asked) as answer:
        return str(json.loads(answer.read())["id_token"])


def _serving(place: Place, function: str) -> tuple[str, dict[str, float]]:
    found: Any = place.client("lambda").get_alias(FunctionName=function_name("dev", function), Name=ALIAS)
    return found["FunctionVersion"], found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})


def _resources(place: Place) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = deployed_record(place)["resources"]
    return found


def _everything_points_to_the_alias(place: Place) -> bool:
    """Queues, the bucket and schedules."""
    lambdas, events = place.client("lambda"), place.client("events")
    targets = [one["FunctionArn"] for one in lambdas.list_event_source_mappings()["EventSourceMappings"]]
    rules = [rule["Name"] for rule in events.list_rules(NamePrefix="serenya-dev-")["Rules"]]
    targets += [one["Arn"] for rule in rules for one in events.list_targets_by_rule(Rule=rule)["Targets"]]
    bucket = place.client("s3").get_bucket_notification_configuration(Bucket=place.settings.bucket_name)
    targets += [one["LambdaFunctionArn"] for one in bucket["LambdaFunctionConfigurations"]]
    called = {"api_handler", "move_people"}  # by the gateway, and by operators: the stage moves nobody
    return len(targets) == len(FUNCTIONS) - len(called) and all(one.endswith(f":{ALIAS}") for one in targets)
