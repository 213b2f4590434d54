"""Reading a table through: nothing is missed when a page does not come, and plain JSON says what botocore says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.migration.serenya.verified_items import SerenyaItems
from chalicelib.migration.verify.quick_scan import QuickScan
from chalicelib.migration.verify.scanning import Scanner
from chalicelib.wiring_migration import rulebook
from tests.architecture.sources import ROOT
from tests.migration.verify.test_sums import NOW

ITEMS = SerenyaItems(rulebook(), NOW)
SERENYA = re.compile(
    r"serenya|medical|doctor|patient\b|diagnos|laborator|"
    r"\b(users?_id|profile|session|device(?!-width)|biometric|consent|subscription|payment|e-?mail|upload|document)s?\b",
    re.IGNORECASE,
)


def _refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Scan")


def _scanner(failures: list[Exception]) -> Scanner:
    pages: dict[Any, Mapping[str, Any]] = {
        None: {"Items": [{"PK": {"S": "a"}}], "LastEvaluatedKey": {"PK": {"S": "a"}}},
        "a": {"Items": [{"PK": {"S": "b"}}]},
    }

    def call(_: str, arguments: dict[str, Any]) -> Any:
        if failures:
            raise failures.pop()
        return pages[arguments.get("ExclusiveStartKey", {}).get("PK", {}).get("S")]

    return Scanner(call, "table", ITEMS, segments=1, sleep=lambda _: None)


@pytest.mark.parametrize(
    "failure", [ReadTimeoutError(endpoint_url="x"), _refusal("ProvisionedThroughputExceededException")], ids=str
)
def test_a_page_that_does_not_come_is_asked_for_again(failure: Exception) -> None:
    assert _scanner([failure] * 5).found(lambda _: True) == [{"PK": {"S": "a"}}, {"PK": {"S": "b"}}]
    with pytest.raises(errors.Unavailable):
        _scanner([failure] * 50).found(lambda _: True)


def test_a_refusal_is_not_asked_again() -> None:
    failures: list[Exception] = [_refusal("AccessDeniedException")] * 2
    with pytest.raises(ClientError):
        _scanner(failures).found(lambda _: True)
    assert len(failures) == 1


@pytest.mark.second_engine
def test_plain_json_says_what_botocore_says(second_engine: TableConnection) -> None:
    client: Any = second_engine.connection.client
    call = client._make_api_call
    for number in range(7):
        item = {
            "PK": {"S": f"LIMIT#{number}"},
            "SK": {"S": "WINDOW#1"},
            "entity_type": {"S": "limit"},
            "ttl": {"N": "99999999999"},
            "x": {"M": {"list": {"L": [{"N": "1.50"}, {"NULL": True}, {"S": "é\n"}]}, "no": {"BOOL": False}}},
        }
        call("PutItem", {"TableName": second_engine.table_name, "Item": item})
    arguments = {"TableName": second_engine.table_name, "Limit": 4}

    plain, quick = call("Scan", dict(arguments)), QuickScan(client)("Scan", dict(arguments))

    assert quick["Items"] == plain["Items"]
    assert quick["LastEvaluatedKey"] == plain["LastEvaluatedKey"]
    assert call("Scan", dict(arguments))["Items"] == plain["Items"]
    with pytest.raises(ClientError, match="ResourceNotFound"):
        QuickScan(client)("Scan", {"TableName": "no-such-table"})


def test_the_engine_of_verification_knows_no_word_of_serenya() -> None:
    sources = sorted((ROOT / "chalicelib" / "migration" / "verify").glob("*.py"))

    assert len(sources) > 10
    for path in sources:
        text = path.read_text(encoding="utf-8")
        assert SERENYA.findall(text) == [], path.name
        assert "migration.serenya" not in text, path.name
