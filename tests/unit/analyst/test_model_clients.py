"""The clients of both APIs, over real HTTP: what they send, and what becomes of every way in which a model can fail."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from chalicelib.gateways.analyst.anthropic import AnthropicModel
from chalicelib.gateways.analyst.bedrock import MOST_DOCUMENT_BYTES, MOST_IMAGE_BYTES, BedrockModel
from chalicelib.gateways.analyst.conversation import (
    Attachment,
    Model,
    ModelDown,
    ModelRequest,
    ModelUnfit,
    Stop,
    Turn,
)
from chalicelib.gateways.analyst.findings import FileType
from chalicelib.model_config import AnthropicSettings, BedrockSettings
from dev.model_stand_in import Act, ModelStandIn
from tests.unit.analyst.model_world import FixedSecrets

PDF = b"%PDF-1.7\n \x00\x80\xff real bytes \n%%EOF"
MODEL = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"


@pytest.fixture(scope="module")
def running() -> Iterator[ModelStandIn]:
    with ModelStandIn() as one:
        yield one


@pytest.fixture
def stand_in(running: ModelStandIn) -> ModelStandIn:
    running.script(Act("text", text="hello"))
    return running


@pytest.fixture(params=["bedrock", "anthropic"])
def model(request: pytest.FixtureRequest, stand_in: ModelStandIn) -> Model:
    return bedrock(stand_in) if request.param == "bedrock" else anthropic(stand_in)


def bedrock(stand_in: ModelStandIn) -> BedrockModel:
    return BedrockModel(BedrockSettings(endpoint_url=stand_in.url))


def anthropic(stand_in: ModelStandIn, secrets: FixedSecrets | None = None, url: str = "") -> AnthropicModel:
    return AnthropicModel(
        AnthropicSettings(url=url or stand_in.url), secrets or FixedSecrets(), "serenya/test/anthropic"
    )


def a_request(attachment: Attachment | None = None) -> ModelRequest:
    return ModelRequest("the rules", (Turn("user", "the question", attachment),), 700)


def test_a_request_carries_rules_question_and_limit_and_brings_text_and_tokens(
    model: Model, stand_in: ModelStandIn
) -> None:
    reply = model.converse(a_request(), 10)

    heard = stand_in.heard[0]
    assert (heard.system, heard.turns, heard.most_output_tokens) == ("the rules", (("user", "the question"),), 700)
    assert heard.model_id == model.model_id
    assert (reply.text, reply.stop) == ("hello", Stop.DONE)
    assert reply.input_tokens > 0
    assert reply.output_tokens == 2


@pytest.mark.parametrize(("file_type", "kind"), [(FileType.PDF, "pdf"), (FileType.JPG, "jpeg"), (FileType.PNG, "png")])
def test_the_very_bytes_of_the_document_arrive(
    model: Model, stand_in: ModelStandIn, file_type: FileType, kind: str
) -> None:
    model.converse(a_request(Attachment(PDF, file_type)), 10)

    assert stand_in.heard[0].attachments == ((kind, PDF),)


def test_a_request_to_bedrock_is_signed_and_one_to_anthropic_brings_its_key(stand_in: ModelStandIn) -> None:
    bedrock(stand_in).converse(a_request(), 10)
    anthropic(stand_in).converse(a_request(), 10)

    signed, keyed = (one.headers for one in stand_in.heard)
    assert signed["authorization"].startswith("AWS4-HMAC-SHA256 Credential=")
    assert keyed["anthropic-version"] == "2023-06-01"


def test_a_conversation_keeps_its_order(model: Model, stand_in: ModelStandIn) -> None:
    turns = (Turn("user", "one"), Turn("assistant", "two"), Turn("user", "three"))

    model.converse(ModelRequest("rules", turns, 100), 10)

    assert stand_in.heard[0].turns == (("user", "one"), ("assistant", "two"), ("user", "three"))


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503, 529])
def test_a_failing_model_is_down_and_is_asked_once(model: Model, stand_in: ModelStandIn, status: int) -> None:
    stand_in.script(Act("status", status=status))

    with pytest.raises(ModelDown):
        model.converse(a_request(), 10)

    assert len(stand_in.heard) == 1


def test_a_request_that_is_refused_for_what_it_is_says_nothing_about_the_next(
    model: Model, stand_in: ModelStandIn
) -> None:
    stand_in.script(Act("status", status=400))

    with pytest.raises(ModelUnfit):
        model.converse(a_request(), 10)


@pytest.mark.parametrize("act", [Act("reset"), Act("shapeless")], ids=["hangs up", "shapeless"])
def test_a_broken_answer_is_no_answer(model: Model, stand_in: ModelStandIn, act: Act) -> None:
    stand_in.script(act)

    with pytest.raises(ModelDown):
        model.converse(a_request(), 10)


@pytest.mark.parametrize(
    "act", [Act(wait_seconds=4), Act("text", text="x" * 400, drip_seconds=0.01)], ids=["slow", "dripping"]
)
def test_no_answer_is_waited_for_longer_than_there_is_time(model: Model, stand_in: ModelStandIn, act: Act) -> None:
    stand_in.script(act)
    started = time.monotonic()

    with pytest.raises(ModelDown):
        model.converse(a_request(), 1.2)

    assert time.monotonic() - started < 2.5


def test_nobody_is_asked_when_there_is_no_time(stand_in: ModelStandIn) -> None:
    with pytest.raises(ModelDown):
        bedrock(stand_in).converse(a_request(), 0.4)

    assert stand_in.heard == []


def test_an_unreachable_model_is_down() -> None:
    with pytest.raises(ModelDown):
        BedrockModel(BedrockSettings(endpoint_url="http://127.0.0.1:9")).converse(a_request(), 5)
    with pytest.raises(ModelDown):
        AnthropicModel(AnthropicSettings(url="http://127.0.0.1:9"), FixedSecrets(), "s").converse(a_request(), 5)


@pytest.mark.parametrize(
    ("act", "stop"), [(Act("refuse"), Stop.REFUSED), (Act("runaway"), Stop.CUT_OFF)], ids=["refuses", "runs away"]
)
def test_why_a_model_stopped_is_told(model: Model, stand_in: ModelStandIn, act: Act, stop: Stop) -> None:
    stand_in.script(act)

    assert model.converse(a_request(), 10).stop is stop


def test_documents_go_over_tls_alone(stand_in: ModelStandIn) -> None:
    with pytest.raises(ModelDown, match="TLS"):
        anthropic(stand_in, url="http://models.example").converse(a_request(), 5)


@pytest.mark.parametrize("secret", [{}, {"api_key": ""}, {"api_key": 5}, {"api_key": "two\nlines"}], ids=repr)
def test_a_key_that_cannot_be_used_is_not_sent(stand_in: ModelStandIn, secret: dict[str, object]) -> None:
    with pytest.raises(ModelDown):
        anthropic(stand_in, FixedSecrets(secret)).converse(a_request(), 5)

    assert stand_in.heard == []


def test_a_wrong_key_is_no_answer(stand_in: ModelStandIn) -> None:
    with pytest.raises(ModelDown):
        anthropic(stand_in, FixedSecrets({"api_key": "another"})).converse(a_request(), 5)


@pytest.mark.parametrize(
    ("file_type", "size"), [(FileType.PDF, MOST_DOCUMENT_BYTES + 1), (FileType.JPG, MOST_IMAGE_BYTES + 1)]
)
def test_a_document_that_bedrock_does_not_take_is_not_sent(
    stand_in: ModelStandIn, file_type: FileType, size: int
) -> None:
    with pytest.raises(ModelUnfit):
        bedrock(stand_in).check_fit(Attachment(bytes(size), file_type))
    bedrock(stand_in).check_fit(Attachment(bytes(size - 1), file_type))


def test_a_scan_asks_bedrock_to_look_at_its_pages() -> None:
    from chalicelib.gateways.analyst.bedrock import _attachment

    assert _attachment(Attachment(PDF, FileType.PDF, is_scan=True))["document"]["citations"] == {"enabled": True}
    assert "citations" not in _attachment(Attachment(PDF, FileType.PDF))["document"]


def test_an_answer_with_citations_is_read_whole() -> None:
    from chalicelib.gateways.analyst.bedrock import _texts

    cited = {"citationsContent": {"content": [{"text": '"a": '}, {"text": "1"}], "citations": []}}

    assert "".join(_texts([{"text": "{"}, cited, {"text": "}"}])) == '{"a": 1}'
