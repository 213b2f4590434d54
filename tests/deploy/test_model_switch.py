"""The command that turns models off and on."""

from __future__ import annotations

import boto3
import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.clock import SystemClock
from chalicelib.models.schema import table_definition
from chalicelib.stores.model_spending import ModelSpending
from deploy.generate import stage_settings
from deploy.model_switch import main


@pytest.fixture
def stage(table: TableConnection) -> None:
    settings = stage_settings("dev")
    boto3.client("dynamodb", region_name=settings.region).create_table(**table_definition(settings.table_name))


def is_on() -> bool:
    return ModelSpending(1, SystemClock()).is_on()


def test_models_are_turned_off_and_on(stage: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stage", "dev", "off", "--reason", "runaway", "--apply"]) == 0
    assert not is_on()
    assert main(["--stage", "dev", "on", "--reason", "mended", "--apply"]) == 0
    assert is_on()
    assert "Models of dev are off." in capsys.readouterr().out


def test_without_apply_nothing_changes(stage: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stage", "dev", "off", "--reason", "a look"]) == 0
    assert is_on()
    assert "Nothing was written" in capsys.readouterr().out
