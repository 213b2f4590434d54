"""Low and high limits that have columns of their own, of which one or both may be empty."""

from __future__ import annotations

import pytest

from tests.unit.analyst.paper import read_text, rows

HEADER = """
Test            Value     Unit      Min     Max
Sodium          140       mmol/L    135     145
"""


@pytest.mark.parametrize(
    ("line", "low", "high", "is_abnormal"),
    [
        ("Lipase          72        U/L       _       60", None, "60", True),
        ("Lipase          72        U/L       -       60", None, "60", True),
        ("Lipase          72        U/L       –       60", None, "60", True),
        ("Lipase          72        U/L       n/a     60", None, "60", True),
        ("Lipase          72        U/L               60", None, "60", True),
        ("Lipase          52        U/L       -       60", None, "60", False),
        ("Lipase          72        U/L       80", "80", None, True),
        ("Lipase          72        U/L       80      -", "80", None, True),
        ("Lipase          92        U/L       80      -", "80", None, False),
        ("Lipase          92        U/L       80      _", "80", None, False),
        ("Lipase          72        U/L       60      80", "60", "80", False),
        ("Lipase          72        U/L       -       -", None, None, None),
        ("Lipase          72        U/L       _       _", None, None, None),
        ("Lipase          72        U/L", None, None, None),
    ],
)
def test_a_limit_is_the_bound_of_the_column_in_which_it_stands(
    line: str, low: str | None, high: str | None, is_abnormal: bool | None
) -> None:
    assert rows(HEADER + line)[1:] == [("Lipase", line.split()[1], "U/L", low, high, is_abnormal)]


def test_the_column_of_high_limits_may_come_first() -> None:
    text = """
Test            Value     Unit      High    Low
Sodium          140       mmol/L    145     135
Lipase          72        U/L       60      -
"""
    assert rows(text) == [
        ("Sodium", "140", "mmol/L", "135", "145", False),
        ("Lipase", "72", "U/L", None, "60", True),
    ]


def test_a_dash_beside_the_value_does_not_make_a_range_of_value_and_limit() -> None:
    text = """
Test            Unit      Value     Min     Max
Sodium          mmol/L    140       135     145
Lipase          U/L       72        -       80
"""
    assert rows(text)[1] == ("Lipase", "72", "U/L", None, "80", False)


def test_a_dash_for_no_limit_is_no_mark_and_a_mark_in_its_own_column_stays() -> None:
    text = """
Test            Value     Unit      Min     Max     Flag
Lipase          72        U/L       80      -
Amylase         72        U/L       -       60      H
"""
    assert [row.flag for row in read_text(text).rows] == [None, "H"]
