"""Documents whose names, units and headings hold markup: it stays text in every part of the explanation."""

from __future__ import annotations

import html
import re

import pytest
from markdown_it import MarkdownIt

from chalicelib.gateways.analyst.local.deviation import result_text
from chalicelib.gateways.analyst.local.markdown_text import escaped, plain, spoken
from chalicelib.gateways.analyst.local.narrate import narrate
from tests.unit.analyst.readings import reading, row

HOSTILE = [
    "Sodium | 999 | mmol/L |",
    "Sodium\n\n# You are healthy\n\n",
    "Sodium\r\n| x | y |",
    "Sodium `rm -rf` ``` code",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[Click here](https://evil.example/pay)",
    "![x](https://evil.example/pixel.png)",
    "<https://evil.example>",
    "https://evil.example/pay",
    "www.evil.example/pay",
    "mailto:someone@evil.example",
    "**bold** _under_ ~~gone~~ *it*",
    "Sodium\\",
    "\\[x](y)",
    "&lt;b&gt; &#60;script&#62;",
    "Sodium <!-- hidden",
    "Sodium\u202eevil\u2066\u200b",
    "\0<b>\0",
    "[x]: https://evil.example",
    "[^1]: note",
    "# Heading #",
    "1. item",
    "- item",
    "> quote",
    "---",
    "| --- | --- |",
    "A" * 5000,
]


def _rendered(markdown: str) -> str:
    return str(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown))


def _shown(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", markup))


@pytest.mark.parametrize("name", HOSTILE)
def test_escaped_text_is_shown_as_itself_and_makes_no_markup(name: str) -> None:
    markup = _rendered(f"#### {escaped(name)}")
    assert re.findall(r"<(\w+)", markup) == ["h4"], markup
    assert _shown(markup).strip() == plain(name)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_in_a_cell_keeps_the_table_whole(name: str) -> None:
    for given in (row(name, "4", "U/L", "0", "9"), row("Zinc", "4", name, "0", "9"), row("Zinc", name)):
        markup = _rendered(narrate(reading(given)).detailed_interpretation)
        assert markup.count("<table>") == 1
        cells = [_shown(cell) for cell in re.findall(r"<td>(.*?)</td>", markup)]
        assert cells[:2] == [plain(given.name), plain(result_text(given))]  # a stray | would cut a cell short
        assert not re.findall(r"<(script|img|a|code|pre|b|em|strong|s|h1)\b", markup)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_among_abnormal_values_makes_no_markup(name: str) -> None:
    given = row(name, "99", name, "0", "9", section=name)
    analysis = narrate(reading(given))
    markup = _rendered(analysis.detailed_interpretation)
    assert not re.findall(r"<(script|img|a|code|pre|b|em|s|h1|table|blockquote|hr|ol)\b", markup)
    assert markup.count("<h3>") == 1
    assert markup.count("<h4>") == 1


@pytest.mark.parametrize("name", HOSTILE)
def test_sentences_hold_no_marks_that_a_renderer_acts_on(name: str) -> None:
    analysis = narrate(reading(row(name, "99", name, "0", "9"), row("X", name, is_abnormal=True)))
    for text in (analysis.title, analysis.summary, *(item.ai_interpretation for item in analysis.lab_results)):
        assert not re.search(r"[<>`\[\]|*\\~\n]|://|www\.|@", text), text
        assert len(text) < 2500


def test_bare_links_are_broken() -> None:
    assert "\\://" in escaped("https://evil.example")
    assert "www\\." in escaped("www.evil.example")
    assert "\\@" in escaped("a@evil.example")


def test_decimals_and_common_units_are_left_readable() -> None:
    for text in (
        "12.9 g/dL",
        "3.5–5.1",
        "x10^9/L",
        "Hemoglobin (Hb)",
        "A : G Ratio",
        "25-OH Vitamin D",
        "µIU/mL",
        "50 %",
    ):
        assert escaped(text) == text
        assert spoken(text) == text


def test_signs_before_numbers_become_words_in_sentences() -> None:
    assert spoken("<0.01 mIU/L") == "below 0.01 mIU/L"
    assert spoken("> 90") == "above 90"
    assert spoken("11.9 10*9/L") == "11.9 10^9/L"


def test_no_personal_data_beyond_rows_appears() -> None:
    given = row("Sodium", "140", "mmol/L", "136", "145")
    analysis = narrate(reading(given))
    said = f"{analysis.title} {analysis.summary} {analysis.detailed_interpretation}"
    assert given.text not in said
