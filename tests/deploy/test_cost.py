"""The bill: counted on real journeys, priced by dated data, and within what was promised."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from chalice.app import Rate, ScheduledEventConfig
from pynamodb.connection.table import TableConnection

from chalicelib.config import Settings
from deploy.cost.__main__ import main
from deploy.cost.bill import bill
from deploy.cost.counts import comparable, read_recorded, write_recorded
from deploy.cost.prices import EU_CENTRAL_1
from deploy.cost.recorder import Recorder
from deploy.cost.units import index_units, item_bytes, read_units, write_units
from deploy.cost.usage import MINUTES, SCHEDULES, Month
from deploy.generate import stage_settings
from deploy.stack.template import template
from tests.api.conftest import provider, service  # noqa: F401  # fixtures
from tests.api.test_billing import Market, market  # noqa: F401  # a fixture
from tests.deploy.journeys import record
from tests.support import test_settings


def test_what_is_recorded_of_every_journey_is_what_the_code_does(market: Market) -> None:  # noqa: F811  # the fixture
    recorder = Recorder()
    record(market, recorder)
    if os.environ.get("RECORD_JOURNEYS"):
        write_recorded(recorder.journeys)
    recorded = read_recorded()
    assert set(recorder.journeys) == set(recorded)
    for name, counts in recorder.journeys.items():
        assert comparable(counts) == comparable(recorded[name]), f"{name}: run this test with RECORD_JOURNEYS=1"


@pytest.fixture(params=["prod", "everything turned on"])
def stage(request: pytest.FixtureRequest) -> Settings:
    """Production as it is set, and with everything sold that can be: each store's secret costs as well."""
    if request.param == "prod":
        return stage_settings("prod")
    return replace(stage_settings("local"), stage="prod", analyst="bedrock,local")


def test_an_idle_stage_costs_less_than_five_dollars(stage: Settings) -> None:
    assert bill(stage, Month(users=0), EU_CENTRAL_1).dollars_after_free < 5


def test_a_thousand_users_cost_less_than_twenty_five_dollars_without_the_models_own_price(stage: Settings) -> None:
    found = bill(stage, Month(users=1_000), EU_CENTRAL_1)
    assert found.dollars_after_free < found.dollars < 25, "even if nothing were free"
    assert found.model_dollars > 0, "which stands apart"


def test_what_costs_something_is_counted_from_what_is_declared(stage: Settings) -> None:
    lines = {line.name: line for line in bill(stage, Month(users=0), EU_CENTRAL_1).lines}
    resources = template(stage)["Resources"].values()
    kinds = Counter(one["Type"] for one in resources)
    assert lines["secrets"].amount == kinds["AWS::SecretsManager::Secret"]
    assert lines["dashboards"].amount == kinds["AWS::CloudWatch::Dashboard"]
    assert lines["own keys"].amount == kinds["AWS::KMS::Key"]
    alarms = [one["Properties"] for one in resources if one["Type"] == "AWS::CloudWatch::Alarm"]
    parts = [[part for part in one.get("Metrics", [{}]) if part.get("ReturnData") is not True] for one in alarms]
    assert lines["alarm metrics"].amount == sum(map(len, parts))


def test_every_schedule_of_the_application_is_counted_as_often_as_it_fires() -> None:
    from app import app

    declared = {one.name: one for one in app.event_sources if isinstance(one, ScheduledEventConfig)}
    # In minutes; the one that is no rate is a cron expression, of once a day.
    often = {
        name: {"MINUTES": 1, "HOURS": 60}[one.schedule_expression.unit] * one.schedule_expression.value
        if isinstance(one.schedule_expression, Rate)
        else 24 * 60
        for name, one in declared.items()
    }
    assert {name: round(MINUTES / times) for name, times in SCHEDULES.items()} == often
    lines = {line.name: line.amount for line in bill(stage_settings("prod"), Month(users=0), EU_CENTRAL_1).lines}
    assert lines["event rules"] == len(declared)
    assert lines["lambda requests"] == sum(SCHEDULES.values()), "an idle stage runs its schedules, and nothing else"


def test_more_people_cost_more_and_the_sum_is_that_of_the_lines() -> None:
    few, many = (bill(stage_settings("prod"), Month(users=users), EU_CENTRAL_1) for users in (1_000, 2_000))
    assert many.dollars > few.dollars
    assert few.dollars == sum(line.dollars for line in few.lines)
    requests = {line.name: line.amount for line in few.lines}["api gateway requests"]
    assert {line.name: line.amount for line in many.lines}["api gateway requests"] == 2 * requests


def test_make_cost_prints_the_bill_beside_the_legacy_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--users", "0", "--users", "1,000", "--documents", "5"]) == 0
    printed = capsys.readouterr().out
    assert "5 documents per active user" in printed
    assert re.search(r"the legacy bill, without a user +180\.00 +180\.00", printed)
    assert "by AWS's prices of 2026-" in printed


def test_a_number_of_users_that_is_none_is_refused() -> None:
    with pytest.raises(SystemExit):
        main(["--users", "-1"])


ITEM: dict[str, Any] = {
    "PK": {"S": "USER#1"},
    "n": {"N": "-123.5"},
    "m": {"M": {"a": {"L": [{"BOOL": True}, {"NULL": True}]}}},
}


def test_the_size_of_an_item_is_counted_by_the_published_rules() -> None:
    # PK and its value; n, two bytes of four digits, one more, a sign; m, a map with a list of two.
    assert item_bytes(ITEM) == (2 + 6) + (1 + 2 + 1 + 1) + (1 + 3 + 1 + 1 + (3 + 2 + 2))


@pytest.mark.parametrize(
    ("size", "strong", "weak"), [(0, 1, "0.5"), (4096, 1, "0.5"), (4097, 2, "1"), (9000, 3, "1.5")]
)
def test_a_read_takes_a_unit_for_every_four_kilobytes_and_half_of_it_eventually(
    size: int, strong: int, weak: str
) -> None:
    assert read_units(size, is_consistent=True) == strong
    assert read_units(size, is_consistent=False) == Decimal(weak)


def test_a_write_takes_a_unit_for_every_kilobyte_of_the_larger_side() -> None:
    large: dict[str, Any] = {"PK": {"S": "x" * 3000}}
    assert (write_units(None, ITEM), write_units(large, ITEM), write_units(None, None)) == (1, 3, 1)


def test_an_index_takes_writes_where_its_keys_change() -> None:
    keys = ("GSI3PK", "GSI3SK")
    other: dict[str, Any] = {"GSI3PK": {"S": "b"}, "GSI3SK": {"S": "1"}}
    there: dict[str, Any] = {"GSI3PK": {"S": "a"}, "GSI3SK": {"S": "1"}}
    units = [
        index_units(before, after, keys)
        for before, after in ((None, there), (there, {}), (there, other), (there, there), ({}, {}))
    ]
    assert units == [1, 1, 2, 0, 0]


def test_a_transaction_takes_twice_what_its_parts_take(table: TableConnection) -> None:
    recorder = Recorder()
    client: Any = boto3.client("dynamodb")
    item = {"PK": {"S": "USER#1"}, "SK": {"S": "PROFILE"}, "entity_type": {"S": "user"}}
    put: dict[str, Any] = {"TableName": test_settings().table_name, "Item": item}
    with recorder.watching():
        with recorder.journey("alone"), recorder.run("api_handler"):
            client.put_item(**put)
        with recorder.journey("together"), recorder.run("api_handler"):
            client.transact_write_items(TransactItems=[{"Put": put}])
        with recorder.journey("refused"), recorder.run("api_handler"), pytest.raises(ClientError):
            client.put_item(**put, ConditionExpression="attribute_not_exists(PK)")
    assert [one.write_units for one in recorder.journeys.values()] == [1, 2, 1]
    client.delete_item(TableName=put["TableName"], Key={"PK": {"S": "USER#1"}, "SK": {"S": "PROFILE"}})
