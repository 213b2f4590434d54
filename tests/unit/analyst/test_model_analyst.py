"""What a model says becomes a result: repaired once, checked against the document, paid for, not taken at its word."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from PIL import Image

from chalicelib.clock import SystemClock
from chalicelib.errors import NotMedical
from chalicelib.gateways.analyst.anthropic import AnthropicModel
from chalicelib.gateways.analyst.asking import Asking
from chalicelib.gateways.analyst.bedrock import BedrockModel
from chalicelib.gateways.analyst.conversation import ModelDown, ModelNonsense, ModelNotAllowed, ModelUnfit
from chalicelib.gateways.analyst.document_text import DocumentText, read_text
from chalicelib.gateways.analyst.findings import Analysis, Document, FileType
from chalicelib.gateways.analyst.model_analyst import ModelAnalyst
from chalicelib.gateways.analyst.spending import Purse
from chalicelib.model_config import AnthropicSettings, BedrockSettings
from dev.model_mind import Heard
from dev.model_stand_in import Act, ModelStandIn
from tests.injections.make_attempts import report_with
from tests.unit.analyst.model_world import FixedSecrets, OpenBook, a_pdf, said_about, soon

REPORT = report_with("Fasting sample.")
Edit = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def running() -> Iterator[ModelStandIn]:
    with ModelStandIn() as one:
        yield one


@pytest.fixture
def stand_in(running: ModelStandIn) -> ModelStandIn:
    running.script(Act())
    return running


@pytest.fixture(scope="module")
def text() -> DocumentText:
    return read_text(a_pdf(REPORT), 30)


def analyst(stand_in: ModelStandIn, text: DocumentText | None, book: OpenBook | None = None) -> ModelAnalyst:
    model = BedrockModel(BedrockSettings(endpoint_url=stand_in.url))
    asking = Asking(model, Purse(book or OpenBook()), SystemClock())
    return ModelAnalyst(asking, lambda document, seconds: text or DocumentText())


def edited(edit: Edit) -> Act:
    def change(answer: dict[str, Any], _: Heard) -> None:
        edit(answer)

    return Act(change=change)


def row(answer: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in answer["lab_results"] if one["name"] == name)
    return found


def value(analysis: Analysis, name: str) -> Any:
    return next(one for one in analysis.lab_results if one.test_name == name)


def test_a_report_becomes_a_result_with_its_values_notice_and_the_models_words(
    stand_in: ModelStandIn, text: DocumentText
) -> None:
    found = analyst(stand_in, text).analyse(a_pdf(REPORT), soon())

    potassium = value(found, "Potassium")
    assert (potassium.test_value, potassium.test_unit, potassium.is_abnormal) == (Decimal("7.1"), "mmol/L", True)
    assert potassium.source.is_verified
    assert found.detailed_interpretation.startswith("## Please contact a doctor today")
    assert "## In plain words\n\nThe tests in this report look at" in found.detailed_interpretation
    assert "CRITICAL_HIGH_POTASSIUM" in found.medical_flags
    assert (found.analyst, found.model_used.endswith("(analysis/1)")) == ("bedrock", True)
    assert len(found.disclaimers) == 4


def test_the_same_comes_through_anthropics_api(stand_in: ModelStandIn, text: DocumentText) -> None:
    model = AnthropicModel(AnthropicSettings(url=stand_in.url), FixedSecrets(), "secret")
    other = ModelAnalyst(Asking(model, Purse(OpenBook()), SystemClock()), lambda document, seconds: text)

    found, same = other.analyse(a_pdf(REPORT), soon()), analyst(stand_in, text).analyse(a_pdf(REPORT), soon())

    assert found.lab_results == same.lab_results
    assert found.analyst == "anthropic"


def test_the_document_is_sent_as_it_is_and_its_text_is_fenced(stand_in: ModelStandIn, text: DocumentText) -> None:
    analyst(stand_in, text).analyse(a_pdf(REPORT), soon())

    heard = stand_in.heard[0]
    assert heard.attachments == (("pdf", REPORT),)
    assert "Potassium 7.1 mmol/L 3.5 - 5.1" in heard.fenced("document text")
    assert "Potassium" not in heard.texts.partition("[begin")[0]


@pytest.mark.parametrize(
    "bad",
    [
        Act("text", text="I am sorry, I cannot say."),
        Act("text", text='{"schema": "serenya-analysis/1"'),
        Act("text", text='{"schema": "serenya-analysis/0", "is_medical": true}'),
        Act("cut_off"),
        edited(lambda answer: answer.update(confidence="quite")),
        edited(lambda answer: answer.update(confidence=-3)),
        edited(lambda answer: row(answer, "Sodium").update(confidence="high")),
        edited(lambda answer: answer.update(summary=None)),
        edited(lambda answer: answer.update(lab_results={})),
        Act("text", text="[" * 100_000 + "{" * 90_000 + "}"),
    ],
    ids=["prose", "half", "old schema", "cut off", "words", "below", "of a value", "null", "shape", "deep"],
)
def test_an_answer_that_does_not_fit_is_repaired_once(stand_in: ModelStandIn, text: DocumentText, bad: Act) -> None:
    stand_in.script(bad, Act())

    found = analyst(stand_in, text).analyse(a_pdf(REPORT), soon())

    assert len(found.lab_results) == 6
    assert [role for role, _ in stand_in.heard[1].turns] == ["user", "assistant", "user"]
    assert stand_in.heard[1].turns[2][1].startswith("That answer cannot be used")


def test_a_second_answer_that_does_not_fit_is_the_last(stand_in: ModelStandIn, text: DocumentText) -> None:
    stand_in.script(Act("text", text="nonsense"))

    with pytest.raises(ModelNonsense):
        analyst(stand_in, text).analyse(a_pdf(REPORT), soon())

    assert len(stand_in.heard) == 2


def test_a_refusal_is_not_argued_with(stand_in: ModelStandIn, text: DocumentText) -> None:
    stand_in.script(Act("refuse"))

    with pytest.raises(ModelNonsense):
        analyst(stand_in, text).analyse(a_pdf(REPORT), soon())

    assert len(stand_in.heard) == 1


@pytest.mark.parametrize(
    ("said", "shown"), [(8, "8.0"), ("7.25", "7.2"), (0.9, "9.0"), (0.05, "1.0"), (1, "1.0"), (0, "1.0")]
)
def test_a_confidence_is_from_one_to_ten(stand_in: ModelStandIn, text: DocumentText, said: object, shown: str) -> None:
    stand_in.script(edited(lambda answer: answer.update(confidence=said)))

    assert analyst(stand_in, text).analyse(a_pdf(REPORT), soon()).confidence_score == Decimal(shown)


def test_a_value_that_is_not_in_the_document_is_flagged_and_judged_by_nobody(
    stand_in: ModelStandIn, text: DocumentText
) -> None:
    made_up = {"name": "Glucose", "value": "480", "quote": "Glucose 480 mg/dL 70 - 100 H", "flag": "H"}
    stand_in.script(edited(lambda answer: answer["lab_results"].append({**row(answer, "Glucose"), **made_up})))

    found = analyst(stand_in, text).analyse(a_pdf(REPORT), soon())

    doubtful = [one for one in found.lab_results if not one.source.is_verified]
    assert [(one.test_value, one.is_abnormal, one.confidence_score <= 2) for one in doubtful] == [
        (Decimal(480), None, True)
    ]
    assert "could not find this value" in doubtful[0].ai_interpretation
    assert "UNVERIFIED_VALUES" in found.medical_flags
    assert "480" not in found.summary
    assert not any("GLUCOSE" in flag for flag in found.medical_flags)


def test_numbers_units_and_flags_are_codes(stand_in: ModelStandIn, text: DocumentText) -> None:
    lies = {"value": "3.5", "unit": "mg/dL", "flag": None, "range": "3.0 - 9.0"}
    stand_in.script(edited(lambda answer: row(answer, "Potassium").update(lies)))

    potassium = value(analyst(stand_in, text).analyse(a_pdf(REPORT), soon()), "Potassium")

    assert (potassium.test_value, potassium.test_unit) == (Decimal("7.1"), "mmol/L")
    assert (potassium.reference_range_text, potassium.is_abnormal) == ("3.5 - 5.1", True)
    assert potassium.confidence_score <= 5


def test_a_picture_that_nobody_can_check_is_shown_as_such_with_its_urgent_notice(
    stand_in: ModelStandIn, text: DocumentText
) -> None:
    stand_in.script(Act("text", text=json.dumps(said_about(REPORT))))

    found = analyst(stand_in, None).analyse(Document(b"\x89PNG", FileType.PNG, "owner"), soon())

    assert "UNVERIFIED_VALUES" in found.medical_flags
    assert found.detailed_interpretation.startswith("## Please contact a doctor today")
    assert all(one.confidence_score <= 6 and not one.source.is_verified for one in found.lab_results)
    assert value(found, "Potassium").ai_interpretation.startswith("This value was read from a picture")


def test_what_is_not_medical_is_said_to_be_so(stand_in: ModelStandIn) -> None:
    stand_in.script(edited(lambda answer: answer.update(is_medical=False)))

    with pytest.raises(NotMedical):
        analyst(stand_in, None).analyse(Document(b"\x89PNG", FileType.PNG, "owner"), soon())


def test_a_laboratory_report_is_not_called_anything_else(stand_in: ModelStandIn, text: DocumentText) -> None:
    stand_in.script(edited(lambda answer: answer.update(is_medical=False)))

    with pytest.raises(ModelNonsense):
        analyst(stand_in, text).analyse(a_pdf(REPORT), soon())


def test_a_pdf_that_the_model_does_not_take_is_sent_as_its_text(stand_in: ModelStandIn, text: DocumentText) -> None:
    book = OpenBook()
    stand_in.script(Act("status", status=400), Act("text", text=json.dumps(said_about(REPORT))))

    found = analyst(stand_in, text, book).analyse(a_pdf(REPORT), soon())

    assert len(found.lab_results) == 6
    assert stand_in.heard[0].attachments
    assert not stand_in.heard[1].attachments
    assert book.micros < sum(book.set_asides)


def test_a_large_photograph_is_made_smaller_first(stand_in: ModelStandIn) -> None:
    stand_in.script(Act("text", text=json.dumps(said_about(REPORT))))

    analyst(stand_in, None).analyse(Document(a_photograph(), FileType.PNG, "owner"), soon())

    ((kind, sent),) = stand_in.heard[0].attachments
    with Image.open(io.BytesIO(sent)) as picture:
        assert (kind, picture.format, max(picture.size)) == ("jpeg", "JPEG", 2_200)
        assert not picture.getexif()


def test_what_can_be_sent_in_no_form_is_told_and_costs_nothing(stand_in: ModelStandIn) -> None:
    book = OpenBook()
    stand_in.script(Act("status", status=400))
    for document in (a_pdf(REPORT), Document(bytes(5_000_000), FileType.JPG, "owner")):
        with pytest.raises(ModelUnfit):
            analyst(stand_in, None, book).analyse(document, soon())

    assert book.micros == 0
    assert len(stand_in.heard) == 1


def a_photograph() -> bytes:
    """A picture above what Bedrock takes, with a camera's notes."""
    noise = Image.effect_noise((2_600, 2_000), 90).convert("RGB")
    notes = Image.Exif()
    notes[0x010F] = "a camera"
    output = io.BytesIO()
    noise.save(output, "PNG", exif=notes, compress_level=0)
    return output.getvalue()


def test_a_model_that_is_turned_off_is_not_asked(stand_in: ModelStandIn, text: DocumentText) -> None:
    with pytest.raises(ModelNotAllowed):
        analyst(stand_in, text, OpenBook(is_turned_on=False)).analyse(a_pdf(REPORT), soon())

    assert stand_in.heard == []


def test_a_runaway_model_cannot_spend_more_than_the_cap(stand_in: ModelStandIn, text: DocumentText) -> None:
    stand_in.script(Act("runaway"))
    book = OpenBook(cap=2_000_000)
    for _ in range(30):
        with pytest.raises((ModelNonsense, ModelNotAllowed)):
            analyst(stand_in, text, book).analyse(a_pdf(REPORT), soon())

    assert 0 < book.micros <= 2_000_000
    assert len(stand_in.heard) <= 11  # of sixty that were wanted


def test_a_passed_deadline_asks_nobody(stand_in: ModelStandIn, text: DocumentText) -> None:
    with pytest.raises(ModelDown):
        analyst(stand_in, text).analyse(a_pdf(REPORT), soon(-1))

    assert stand_in.heard == []


def test_nothing_that_a_document_or_a_model_says_is_logged(
    stand_in: ModelStandIn, text: DocumentText, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    for act in (Act("text", text="Potassium, she said"), Act("status"), Act("reset"), Act("shapeless")):
        stand_in.script(act)
        with pytest.raises((ModelDown, ModelNonsense)):
            analyst(stand_in, text).analyse(a_pdf(REPORT), soon())
    stand_in.script(edited(lambda answer: answer.update(summary="Potassium: see https://x.example.")))
    analyst(stand_in, text).analyse(a_pdf(REPORT), soon())

    written = caplog.text + capsys.readouterr().out + "".join(str(vars(one)) for one in caplog.records)
    assert "model_words_refused" in written
    assert not [word for word in ("Potassium", "x.example", "7.1", "owner") if word in written]
