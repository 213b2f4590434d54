"""Bodies: too large, too deep, wrongly written, and of values that no app sends; none is answered with a defect."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pytest

from tests.attack.battlefield import Answered, Battlefield
from tests.attack.record import Tried
from tests.attack.routes import Request, fields, requests

SECTION = "3 Bodies"
MIB: Final = 1024 * 1024
REFUSED: Final = "a refusal: 400, 401 or 413"

NOT_JSON: Mapping[str, Callable[[], bytes]] = {
    "100,000 opening brackets": lambda: b"[" * 100_000,
    "100,000 nested objects": lambda: b'{"a":' * 100_000,
    "100,000 brackets, closed": lambda: b'{"name":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "the start of an object": lambda: b"{",
    "an object and something after it": lambda: b"{}{}",
    "a comment": lambda: b"/* */{}",
    "single quotes": lambda: b"{'name': 'x'}",
    "a comma at the end": lambda: b'{"name": "x",}',
    "NaN": lambda: b'{"name": NaN}',
    "Infinity": lambda: b'{"name": -Infinity}',
    "a byte order mark": lambda: b"\xef\xbb\xbf{}",
    "UTF-16": lambda: json.dumps({"name": "x"}).encode("utf-16"),
    "UTF-32": lambda: json.dumps({"name": "x"}).encode("utf-32"),
    "Latin-1": lambda: '{"name": "é"}'.encode("latin-1"),
    "an overlong encoding": lambda: b'{"name": "\xc0\xaf"}',
    "a NUL": lambda: b'{"name": "\x00"}',
    "NULs alone": lambda: b"\x00" * 1000,
    "a lone surrogate": lambda: b'{"name": "\\ud800"}',
    "a surrogate in UTF-8": lambda: b'{"name": "\xed\xa0\x80"}',
    "gzip": lambda: gzip.compress(b'{"name": "x"}'),
    "a gzip bomb (1 GB in 1 MB)": lambda: _bomb(1000),
    "XML with an entity of a file": lambda: b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
    "a form": lambda: b"name=x&user_id=y",
    "YAML that makes an object": lambda: b"!!python/object/apply:os.system ['id']",
    "a pickle": lambda: b"\x80\x04\x95cos\nsystem\n(S'id'\ntR.",
    "a list": lambda: b"[]",
    "a string": lambda: b'"x"',
    "a number of 100,000 digits": lambda: b"9" * 100_000,
    "a megabyte and a byte": lambda: b'{"name": "' + b"x" * MIB + b'"}',
    "eight megabytes": lambda: b" " * (8 * MIB),
}


def _bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(megabytes)) + packer.flush()


def _with_bodies() -> Iterator[Request]:
    for one in requests():
        if one.endpoint.body is not None or one.declared.startswith("/webhooks/"):
            yield one


def _send(field: Battlefield, one: Request, body: Any, **headers: str) -> Answered:
    by = None if one.endpoint.guard.is_public else field.ada
    answer = field.send(one.method, one.path, body, by=by, headers={"Content-Type": one.content_type, **headers})
    assert answer.status < 500, f"{one.name}: {answer.code}"
    if answer.status >= 400:
        error = json.loads(answer.body)
        assert set(error) <= {"success", "message", "error", "error_description"}, f"{one.name}: {error}"
        assert "Traceback" not in answer.body.decode(), one.name
    return answer


@pytest.mark.parametrize("name", NOT_JSON)
def test_a_body_that_is_none_is_refused_by_every_route(field: Battlefield, tried: Tried, name: str) -> None:
    body = NOT_JSON[name]()
    with field.unchanged():
        answers = [_send(field, one, body) for one in _with_bodies()]
        # Packed bodies are not unpacked, whatever the header says.
        answers += [_send(field, one, body, **{"Content-Encoding": "gzip"}) for one in _with_bodies()]
    assert {one.status for one in answers} <= {400, 401, 413}, {one.code for one in answers}
    codes = {one.code for one in answers if one.status != 401}
    tried.held(f"Body: {name}", "every route that reads one", REFUSED, ", ".join(sorted(codes)), len(answers))


VALUES: Mapping[str, Any] = {
    "null": None,
    "true": True,
    "a negative number": -1,
    "a large integer": 2**63 - 1,
    "an integer above 64 bits": 2**70,
    "a float": 1.5,
    "the largest float": 1.7976931348623157e308,
    "the smallest float": 5e-324,
    "an empty string": "",
    "a space": " ",
    "a string of 300,000": "x" * 300_000,
    "a NUL": "a\x00b",
    "control characters": "\x01\x02\x1b[31m\x7f\r\nSet-Cookie: a=b",
    "direction marks": "\u202eabc\u2066",
    "a thousand combining marks": "a" + "\u0301" * 1000,
    "a noncharacter": "\uffff\U0010ffff",
    "an injection into SQL": "' OR '1'='1'; DROP TABLE users; --",
    "an expression of DynamoDB": "attribute_exists(PK) OR #data.#status = :x",
    "a key of the table": "USER#00000000-0000-0000-0000-000000000000",
    "a path": "../../../etc/passwd",
    "an address of the machine": "http://169.254.169.254/latest/meta-data/",
    "a template": "{{7*7}}${7*7}#{7*7}<%= 7*7 %>",
    "a script": "<script>alert(1)</script>",
    "a format": "%s%n%x{0.__class__}",
    "an empty list": [],
    "an empty object": {},
    "a list of 100,000": [0] * 100_000,
    "an object of 20,000 names": {str(number): number for number in range(20_000)},
    "a value 500 levels deep": json.loads("[" * 500 + "]" * 500),
    "an object with DynamoDB's own types": {"S": "x", "M": {"NULL": True}},
    "an object with a prototype": {"__proto__": {"is_admin": True}, "constructor": {"prototype": {}}},
}


def _values() -> Iterator[Any]:
    """All in the slow proofs, some in each run: there are a hundred fields."""
    for name in VALUES:
        yield pytest.param(name, marks=() if name in _IN_EACH_RUN else pytest.mark.prove)


_IN_EACH_RUN: Final = {"an integer above 64 bits", "a value 500 levels deep", "a NUL"}


@pytest.mark.parametrize("name", list(_values()))
def test_no_value_in_any_field_is_answered_with_a_defect(field: Battlefield, tried: Tried, name: str) -> None:
    seen: dict[int, int] = {}
    field.sign_in_again(field.ada)
    for one in _with_bodies():
        if one.endpoint.body is None or one.declared in {"/auth/logout", "/gdpr/erasure-request"}:
            continue
        for path in fields(one.endpoint.body):
            answer = _send(field, one, _with(one.body, path, VALUES[name]))
            seen[answer.status] = seen.get(answer.status, 0) + 1
    assert set(seen) <= {200, 202, 400, 401, 402, 403, 404, 409, 413, 422, 429}, seen
    answered = ", ".join(str(status) for status in sorted(seen))
    tried.held(f"Field: {name}", "every field of every body", "no defect, our envelope", answered, sum(seen.values()))


def _with(body: Any, path: tuple[str, ...], value: Any) -> Any:
    changed = dict(body) if isinstance(body, dict) else {}
    first, *rest = path
    changed[first] = _with(changed.get(first), tuple(rest), value) if rest else value
    return changed


def test_of_a_name_twice_the_last_one_counts_alone(field: Battlefield, tried: Tried) -> None:
    answer = field.send("PUT", "/user/profile", b'{"name": "First", "name": "Second"}', by=field.mallory)
    assert json.loads(answer.body)["user"]["name"] == "Second"
    body = b'{"confirmation_text": "DELETE", "confirmation_text": "no"}'
    refused = field.send("POST", "/gdpr/erasure-request", body, by=field.mallory)
    tried.held("A name twice in a body", "PUT /user/profile", "the last one counts", "the last one counts")
    tried.answered("A name twice in a body", "POST /gdpr/erasure-request", "400 INVALID_CONFIRMATION", [refused.code])


TYPES: Final = (
    "", "text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
    "application/json-patch+json", "application/octet-stream", "text/html", "application/msgpack",
)  # fmt: skip


def test_another_content_type_is_refused(field: Battlefield, tried: Tried) -> None:
    with field.unchanged():
        for content_type in TYPES:
            answers = []
            for one in _with_bodies():
                body = json.dumps(one.body).encode()
                if one.method != "GET":
                    answers.append(_send(field, one, body, **{"Content-Type": content_type}).code)
            attack = f"Content-Type: {content_type or 'empty'}"
            tried.answered(attack, "every route that reads JSON", "415 UNSUPPORTED_MEDIA_TYPE", answers)


def _part(name: str, content: bytes, file_name: str | None = None, *more: str) -> bytes:
    shown = "" if file_name is None else f'; filename="{file_name}"'
    head = "\r\n".join([f'Content-Disposition: form-data; name="{name}"{shown}', *more])
    return b"--B\r\n" + head.encode("utf-8", "surrogateescape") + b"\r\n\r\n" + content + b"\r\n"


END: Final = b"--B--\r\n"
FORM: Final = "multipart/form-data; boundary=B"
TRICKS: Mapping[str, tuple[str, Callable[[], bytes]]] = {
    "no boundary": ("multipart/form-data", lambda: _part("file", b"x", "a.pdf") + END),
    "an empty boundary": ("multipart/form-data; boundary=", lambda: _part("file", b"x", "a.pdf") + END),
    "a boundary of 5,000": (f"multipart/form-data; boundary={'B' * 5000}", lambda: END),
    "two boundaries": (f"{FORM}; boundary=C", lambda: _part("file", b"x", "a.pdf") + b"--C--\r\n"),
    "a boundary with a line end": ("multipart/form-data; boundary=B\r\nX-Evil: 1", lambda: END),
    "no end": (FORM, lambda: _part("file", b"x", "a.pdf")),
    "the end alone": (FORM, lambda: END),
    "an empty body": (FORM, lambda: b""),
    "10,000 parts": (FORM, lambda: b"".join(_part(f"f{one}", b"x") for one in range(10_000)) + END),
    "10,000 files": (FORM, lambda: _part("file", b"x", "a.pdf") * 10_000 + END),
    "the same field twice": (FORM, lambda: _part("file_type", b"pdf") * 2 + _part("file", b"x", "a.pdf") + END),
    "a form in a form": (
        FORM, lambda: _part("file", b"--C\r\n", "a.pdf", "Content-Type: multipart/mixed; boundary=C") + END,
    ),
    "a part in base64": (FORM, lambda: _part("file", b"eA==", "a.pdf", "Content-Transfer-Encoding: base64") + END),
    "a header of 100,000": (FORM, lambda: _part("file", b"x", "a.pdf", f"X-Long: {'x' * 100_000}") + END),
    "1,000 headers": (FORM, lambda: _part("file", b"x", "a.pdf", *(f"X-{one}: 1" for one in range(1000))) + END),
    "a header without an end": (FORM, lambda: b"--B\r\nContent-Disposition: form-data; name=" + b"x" * 10_000),
    "a name of 100,000": (FORM, lambda: _part("x" * 100_000, b"x") + END),
    "a nameless part": (FORM, lambda: _part("", b"x") + END),
    "a field that is not UTF-8": (FORM, lambda: _part("file_type", b"\xff\xfe") + _part("file", b"x", "a.pdf") + END),
    "a field of a megabyte": (FORM, lambda: _part("file_type", b"p" * MIB) + _part("file", b"x", "a.pdf") + END),
    "something before the first part": (FORM, lambda: b"evil\r\n" * 100_000 + _part("file", b"x", "a.pdf") + END),
    "something after the end": (FORM, lambda: _part("file", b"x", "a.pdf") + END + b"evil" * 100),
    "line ends of another kind": (FORM, lambda: (_part("file", b"x", "a.pdf") + END).replace(b"\r\n", b"\n")),
    "a page of HTML called .pdf": (FORM, lambda: _part("file", b"<script>alert(1)</script>", "a.pdf") + END),
    "a program called .pdf": (FORM, lambda: _part("file", b"\x7fELF" + b"\x00" * 60, "a.pdf") + END),
    "a file that is all NULs": (FORM, lambda: _part("file", bytes(100_000), "a.pdf") + END),
    "5 MiB and a byte": (FORM, lambda: _part("file", b"x" * (5 * MIB + 1), "a.pdf") + END),
    "pages as a number of 100,000 digits": (
        FORM, lambda: _part("pages", b"9" * 4000) + _part("file", b"x", "a.pdf") + END,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TRICKS)
def test_a_trick_with_a_form_stores_nothing(field: Battlefield, tried: Tried, name: str) -> None:
    content_type, make = TRICKS[name]
    with field.unchanged():
        answer = field.send(
            "POST", "/api/v1/process/upload", make(), by=field.ada, headers={"Content-Type": content_type}
        )
    expected = (
        "400 NO_FILE_PROVIDED", "400 FILE_VALIDATION_FAILED", "400 UNSUPPORTED_FILE_TYPE", "413 FILE_TOO_LARGE",
    )  # fmt: skip
    tried.answered(f"Form: {name}", "POST /api/v1/process/upload", expected, [answer.code])


def test_hostile_files_have_a_suite_of_their_own(tried: Tried) -> None:
    from tests.hostile.make_files import hostile

    count = len(list(hostile()))
    assert count > 50
    tried.held(
        "Bombs, scripts, encryption, cycles and lies in PDF, PNG and JPEG",
        "the inspection of uploads",
        "refused with a reason within ten seconds",
        "see `test_a_hostile_file_is_refused_with_a_reason_within_ten_seconds`",
        count,
    )
