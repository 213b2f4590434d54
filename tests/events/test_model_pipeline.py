"""The pipeline with a model behind it, over real HTTP: results, outages, and documents that are none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import boto3
import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.clock import SystemClock
from chalicelib.config import Settings
from chalicelib.gateways.analyst import analyst_of
from chalicelib.gateways.analyst.anthropic import SecretReader
from chalicelib.gateways.secrets import Secrets, secrets_client
from chalicelib.models.states import JobState
from chalicelib.stores.model_spending import ModelSpending
from dev.model_stand_in import KEY, Act, ModelStandIn
from tests.injections.make_attempts import report_with
from tests.rooms.documents_world import World, empty_bucket, make_bucket
from tests.support import SettableClock, test_settings
from tests.unit.analyst.model_world import FixedSecrets

pytestmark = pytest.mark.second_engine
REPORT = report_with("Fasting sample.")


class Now(SettableClock):
    """The real time, as the deadlines of real calls need it."""

    def now(self) -> Any:
        return SystemClock().now()


@pytest.fixture(scope="module")
def running() -> Iterator[ModelStandIn]:
    with ModelStandIn() as one:
        yield one


@pytest.fixture
def stand_in(running: ModelStandIn) -> ModelStandIn:
    running.script(Act())
    return running


@pytest.fixture
def world(second_engine: TableConnection, settings: Settings, stand_in: ModelStandIn) -> Iterator[World]:
    make_bucket(settings)
    yield with_analysts(World(settings, Now()), stand_in, "bedrock,local")
    empty_bucket(settings)


def with_analysts(world: World, stand_in: ModelStandIn, order: str, secrets: SecretReader | None = None) -> World:
    stage = test_settings(ANALYST=order, BEDROCK_ENDPOINT_URL=stand_in.url, ANTHROPIC_URL=stand_in.url)
    book = ModelSpending(stage.rules.model_daily_cap_cents, world.clock)
    world.pipeline = replace(world.pipeline, analyst=analyst_of(stage, secrets or FixedSecrets(), book, world.clock))
    return world


def result_of(world: World) -> dict[str, Any]:
    job_id = world.uploaded(REPORT)
    world.deliver_event(job_id)
    job = world.job(job_id)
    assert job is not None
    assert job.data.state == JobState.COMPLETED
    found: dict[str, Any] = json.loads(world.content(f"results/{world.user_id}/{job_id}.json"))
    return found


def test_a_model_reads_what_was_uploaded_and_its_price_is_counted_for_the_owner(
    world: World, stand_in: ModelStandIn
) -> None:
    found = result_of(world)

    assert stand_in.heard[0].attachments == (("pdf", REPORT),)
    assert found["processing_summary"]["analyst"] == "bedrock"
    assert "CRITICAL_HIGH_POTASSIUM" in found["medical_flags"]
    assert 0 < ModelSpending(300, world.clock).spent(world.user_id) < 50_000


def test_an_outage_gives_an_extracted_result_with_a_note(world: World, stand_in: ModelStandIn) -> None:
    stand_in.script(Act("status", status=503))

    found = result_of(world)

    assert found["processing_summary"]["analyst"] == "local"
    assert "MADE_WITHOUT_MODEL" in found["medical_flags"]
    assert found["disclaimers"][0].startswith("Our language model did not take part")
    assert len(found["lab_results"]) == 6
    assert world.used() == 1


def test_the_switch_turns_the_model_off_at_once(world: World, stand_in: ModelStandIn) -> None:
    ModelSpending(300, world.clock).turn(is_off=True, reason="a test")

    found = result_of(world)

    assert found["processing_summary"]["analyst"] == "local"
    assert stand_in.heard == []


def test_what_the_model_calls_not_medical_fails_and_the_unit_is_given_back(
    world: World, stand_in: ModelStandIn
) -> None:
    prose = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n%%EOF\n"
    )
    stand_in.script(Act(change=lambda answer, _: answer.update(is_medical=False)))
    job_id = world.uploaded(prose)
    world.deliver_event(job_id)

    job = world.job(job_id)
    assert job is not None
    assert (job.data.state, job.data.error_code) == (JobState.FAILED, "INVALID_MEDICAL_DOCUMENT")
    assert world.used() == 0


def test_a_model_alone_that_fails_is_tried_again_later(world: World, stand_in: ModelStandIn) -> None:
    stand_in.script(Act("text", text="nonsense"))
    with_analysts(world, stand_in, "anthropic")
    job_id = world.uploaded(REPORT)
    world.deliver_event(job_id)

    job = world.job(job_id)
    assert job is not None
    assert job.data.state == JobState.RETRYING
    assert len(stand_in.heard) == 2  # an answer and its repair


def test_the_key_of_a_model_is_read_from_the_stages_secrets(
    world: World, stand_in: ModelStandIn, settings: Settings
) -> None:
    client = boto3.client("secretsmanager", region_name=settings.region)
    client.create_secret(Name=settings.anthropic_secret, SecretString=json.dumps({"api_key": KEY}))
    secrets = Secrets(partial(secrets_client, settings.region), world.clock, settings.secret_life)
    with_analysts(world, stand_in, "anthropic", secrets)

    assert result_of(world)["processing_summary"]["analyst"] == "anthropic"
    client.delete_secret(SecretId=settings.anthropic_secret, ForceDeleteWithoutRecovery=True)
