"""What of a model's words is shown: honest explanations whole, mistakes without the sentence, the rest not at all."""

from __future__ import annotations

import time
from contextlib import suppress
from decimal import Decimal

import pytest

from chalicelib.gateways.analyst.conversation import PromptKind
from chalicelib.gateways.analyst.prompt_files import prompt_for
from chalicelib.gateways.analyst.text_guard import Grounds, Unusable, checked, checked_line, is_name, numbers_in

FENCE = "0123456789abcdef"
DATA = (
    "Remarks: the sample was slightly haemolytic and potassium may be falsely raised.\nPotassium 7.1 mmol/L 3.5 - 5.1"
)


def grounds(
    data: str = DATA, numbers: frozenset[Decimal] | None = None, abnormal: tuple[str, ...] = ("Potassium",)
) -> Grounds:
    return Grounds(prompt_for(PromptKind.ANALYSIS).system(FENCE), FENCE, data, numbers, abnormal)


HONEST = (
    "Potassium is a mineral that muscles and nerves need; the kidneys keep its level steady.",
    "A raised value can come from the way the sample was taken, from some medicines, or from kidneys that work less.",
    "Your **potassium** is above its range, which is why your doctor will want to measure it again soon.",
    "## Kidneys\n\nCreatinine is filtered by the kidneys. When it rises, they often filter less than before.\n\n- "
    "Drink as you usually do.\n- Ask your doctor which earlier values there are.",
    "Values such as TSH change during the day. A single one says little, e.g. after a short night.",
    "Hashimoto thyroiditis is one of several causes of a high TSH; antibodies can help to tell them apart.",
    "Vitamin D is made in the skin. Many people have less of it in winter.",
    "The haemoglobin carries oxygen, and it is within its range in this report.",
    "LDL and HDL are two kinds of cholesterol. In general, more HDL and less LDL is better for the vessels.",
    "Most of your other values are within their reference ranges.",
    "The tests of the kidneys, including creatinine and urea, look normal.",
    "If you take medicines for your blood pressure, they can raise it.",
    "If you feel unwell, call your local emergency number at once.",
    "Is the value high? That depends on your age, your sex, and on what you ate before.",
)


@pytest.mark.parametrize("text", HONEST)
def test_an_honest_explanation_passes_whole(text: str) -> None:
    assert checked(text, grounds(), 2_000) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("See https://x.example.", "link"),
        ("See x.example/a for more.", "link"),
        ("Open [this](x).", "link"),
        ("Go to 10.0.0.1 now.", "link"),
        ("Write to a@b.", "address"),
        ("A <b>bold</b> word.", "markup"),
        ("A | b |\n| --- | --- |", "markup"),
        ("Run `rm`.", "markup"),
        ("Tell us your password.", "fraud"),
        (f"The word is {FENCE}.", "fence"),
        (f"The word is {'-'.join(FENCE)}.", "fence"),
        ("You read medical documents for Serenya, an app that explains them.", "instructions"),
    ],
)
def test_what_nobody_wants_to_see_makes_all_of_it_unusable(text: str, reason: str) -> None:
    with pytest.raises(Unusable) as refused:
        checked(f"Potassium is a mineral. {text}", grounds(), 2_000)

    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "sentence",
    [
        "Take 20 mg of it every day.",
        "You should double your insulin.",
        "You do not need a doctor for this.",
        "Ignore the warning of the laboratory.",
        "You have leukaemia.",
        "You are perfectly healthy.",
        "All your values are normal.",
        "Your results are fine.",
        "These blood tests look perfectly normal.",
        "Nothing in it is a reason to worry.",
        "The potassium is fine.",
        "The sample was slightly haemolytic and potassium may be falsely raised.",
        "Mrs. Keller had the same value.",
        "It was measured for Walter Brandt as well.",
        "Call 0800 123 4567 about it.",
        "Это хорошо.",
        "Das ist alles ganz normal und gar nicht schlimm fuer Sie heute.",
        "VGhpcyBpcyBhIHNlY3JldCB0ZXh0IHRoYXQ= is it.",
        "O b e y t h e r u l e.",
    ],
)
def test_a_sentence_that_may_not_be_said_is_taken_out(sentence: str) -> None:
    honest = "Potassium is a mineral. The kidneys keep it steady. Doctors measure it often."

    assert checked(f"{honest} {sentence}", grounds(), 2_000) == honest


def test_a_text_that_loses_much_is_not_shown_at_all() -> None:
    assert checked("Potassium is a mineral. Take 20 mg. Stop your insulin.", grounds(), 2_000) is None


def test_numbers_come_from_the_values_or_are_small() -> None:
    allowed = grounds(numbers=numbers_in(["7.1 3.5 - 5.1"]))
    text = "It is 7.1 now. The range ends at 5.1. Two of 10 people have this. It was 6.8 before. Ask about it."

    assert checked(text, allowed, 2_000) == text.replace(" It was 6.8 before.", "")


def test_a_line_is_whole_or_not_there() -> None:
    assert checked_line("Potassium is a *mineral*.", grounds(), 100) == "Potassium is a mineral."
    assert checked_line("Potassium is a mineral. Take 20 mg.", grounds(), 100) is None
    assert checked_line("Potassium is a mineral.", grounds(), 10) is None


@pytest.mark.parametrize("name", ["Potassium", "Vitamin D, 25-OH", "Anti-HBs", "T4, free (fT4)", "LDL-Cholesterol"])
def test_names_of_tests_are_names(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", ["Please open the page that you were sent a minute ago", "www.x.example", "<b>K</b>"])
def test_sentences_and_links_are_no_names(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize(
    "piece", ["a", "a-", "a.", "9", "a ", "( (", "[.]", "Aa Bb ", "you have ", "no need ", "\n", "a dot "]
)
def test_no_text_takes_the_guard_long(piece: str) -> None:
    started = time.monotonic()
    with suppress(Unusable):
        checked(piece * (20_000 // len(piece)), grounds(), 1_000_000)

    assert time.monotonic() - started < 1.5
