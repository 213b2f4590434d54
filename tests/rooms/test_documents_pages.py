"""Documents of several pages, in a form and presigned; and that nothing of a camera's notes is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta

import pypdfium2
import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.config import Settings
from chalicelib.documents import inspection
from chalicelib.documents.contract import PageToUpload, UploadUrlAnswer, UploadUrlRequest
from tests.hostile.pictures import UNREAD, jpg, picture, png
from tests.hostile.plain import plain_pdf
from tests.rooms.documents_world import BOUNDARY, World, make_bucket
from tests.support import SettableClock
from tests.unit.documents.test_cleaning import PLACE, photo, screenshot

MIB = 1024 * 1024


@pytest.fixture
def world(table: TableConnection, settings: Settings, clock: SettableClock) -> World:
    make_bucket(settings)
    return World(settings, clock, inspect=inspection.inspect)


def form_of(files: Sequence[tuple[str, bytes]], **fields: str) -> tuple[dict[str, str], bytes]:
    texts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in {"upload_timestamp": "2026-03-14", **fields}.items()
    ]
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="p{number}"\r\n\r\n'.encode()
        + content
        + b"\r\n"
        for number, (name, content) in enumerate(files)
    ]
    body = b"".join([*texts, *parts, f"--{BOUNDARY}--\r\n".encode()])
    return {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}, body


def page_count(content: bytes) -> int:
    document = pypdfium2.PdfDocument(content)
    try:
        return len(document)
    finally:
        document.close()


def presigned(world: World, pages: Sequence[tuple[str, bytes]], *, has_checksums: bool = False) -> UploadUrlAnswer:
    wanted = [
        PageToUpload(
            file_type=kind,
            file_size=len(page),
            checksum_sha256=hashlib.sha256(page).hexdigest() if has_checksums else None,
        )
        for kind, page in pages
    ]
    return world.uploads.presign(world.caller, {"idempotency-key": "k"}, UploadUrlRequest(pages=wanted)).answer


def put_page(world: World, job_id: str, number: int, page: tuple[str, bytes]) -> str:
    key = f"uploads/{world.user_id}/{job_id}.{number}.{page[0]}"
    world.objects.put(key, page[1], "image/any", is_replacing=True)
    return key


@pytest.mark.parametrize("names", [("file", "file", "file"), ("file", "pages", "pages[]"), ("pages", "pages", "pages")])
def test_pictures_of_several_pages_are_one_job_for_one_unit(world: World, names: tuple[str, ...]) -> None:
    pages = [photo(6), screenshot(), jpg()]
    headers, body = form_of(list(zip(names, pages, strict=True)), pages="3", file_size=str(sum(map(len, pages))))
    answer = world.uploads.upload(world.caller, headers, body).answer
    assert (answer.mime_type, answer.page_count) == ("application/pdf", 3)
    assert answer.file_size_bytes == sum(map(len, pages))
    (key,) = world.stored()
    assert key == world.key(answer.job_id)
    assert PLACE not in world.content(key)
    again = world.uploads.upload(world.caller, headers, body).answer
    assert (again.job_id, world.used(), world.stored()) == (answer.job_id, 1, [key])
    world.deliver_event(answer.job_id)
    ((document, _),) = world.analyst.calls
    assert (document.file_type, page_count(document.content)) == ("pdf", 3)
    assert world.library.status(world.caller, answer.job_id).status == "completed"


def test_the_same_pages_in_another_order_are_another_document(world: World) -> None:
    one = world.uploads.upload(world.caller, *form_of([("file", jpg()), ("file", png())])).answer
    other = world.uploads.upload(world.caller, *form_of([("file", png()), ("file", jpg())])).answer
    assert one.job_id != other.job_id


@pytest.mark.parametrize(
    ("files", "fields", "code"),
    [
        ([jpg(), plain_pdf()], {}, "FILE_VALIDATION_FAILED"),
        ([jpg(), b""], {}, "NO_FILE_PROVIDED"),
        ([jpg(), UNREAD["heic"][0]()], {}, "UNSUPPORTED_FILE_TYPE"),
        ([jpg(), png()], {"pages": "3"}, "FILE_VALIDATION_FAILED"),
        ([jpg(), png()], {"pages": "two"}, "FILE_VALIDATION_FAILED"),
        ([jpg(), png()], {"file_size": "17"}, "FILE_VALIDATION_FAILED"),
        ([jpg(), png()], {"file_type": "jpg"}, "FILE_VALIDATION_FAILED"),
        ([jpg(), png()[:-40]], {}, "FILE_VALIDATION_FAILED"),
        ([jpg()] * 11, {}, "FILE_VALIDATION_FAILED"),
    ],
)
def test_one_page_that_cannot_be_taken_refuses_all(
    world: World, files: list[bytes], fields: dict[str, str], code: str
) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        world.uploads.upload(world.caller, *form_of([("file", one) for one in files], **fields))
    assert refused.value.code == code
    assert (world.stored(), world.used()) == ([], 0)


def test_a_heic_among_pages_is_refused_with_a_sentence_that_helps(world: World) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        world.uploads.upload(world.caller, *form_of([("file", jpg()), ("file", UNREAD["heic"][0]())]))
    assert "Most compatible" in refused.value.user_message


def test_all_pages_together_are_held_to_the_limit(world: World) -> None:
    half = jpg() + b"\0" * (5 * MIB // 2)
    with pytest.raises(errors.TooLarge):
        world.uploads.upload(world.caller, *form_of([("file", half), ("file", half)]))
    assert world.used() == 0


@pytest.mark.parametrize(("make", "kind"), [(photo, "jpg"), (screenshot, "png")])
def test_where_a_photo_was_taken_reaches_neither_the_bucket_nor_the_analyst(
    world: World, make: object, kind: str
) -> None:
    content = make()  # type: ignore[operator]  # narrower than its declared type
    assert PLACE in content
    job_id = world.uploaded(content, file_name=f"photo.{kind}", file_type=kind)
    assert PLACE not in world.content(world.key(job_id, kind))
    world.deliver(world.key(job_id, kind))
    ((document, _),) = world.analyst.calls
    assert PLACE not in document.content


def test_a_presigned_photo_is_replaced_by_a_clean_one_before_the_analyst_sees_it(world: World) -> None:
    content = photo(8)
    request = UploadUrlRequest(
        file_type="jpg", file_size=len(content), checksum_sha256=hashlib.sha256(content).hexdigest()
    )
    job_id = world.uploads.presign(world.caller, {}, request).answer.job_id
    key = world.key(job_id, "jpg")
    world.objects.put(key, content, "image/jpeg")
    world.deliver(key)
    ((document, _),) = world.analyst.calls
    assert PLACE not in document.content
    assert world.stored() == [f"prepared/{world.user_id}/{job_id}.jpg", f"results/{world.user_id}/{job_id}.json"]
    assert PLACE not in world.content(world.stored()[0])
    # The form can be posted again for minutes: that changes nothing, and does not stay.
    world.objects.put(key, content, "image/jpeg")
    world.deliver(key)
    assert len(world.stored()) == 2
    assert len(world.analyst.calls) == 1
    world.library.clean_up(world.caller, job_id)
    assert world.stored() == []


def test_a_retry_of_a_presigned_photo_reads_the_clean_copy(world: World) -> None:
    world.analyst.steps = [errors.AnalystUnavailable(), errors.AnalystUnavailable()]
    content = photo()
    request = UploadUrlRequest(file_type="jpg", file_size=len(content))
    job_id = world.uploads.presign(world.caller, {}, request).answer.job_id
    world.objects.put(world.key(job_id, "jpg"), content, "image/jpeg")
    world.deliver(world.key(job_id, "jpg"))
    world.clock.advance(timedelta(seconds=30))
    world.deliver_messages()
    (first, _), (second, _) = world.analyst.calls
    assert first.content == second.content


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_presigned_pages_start_when_the_last_one_is_there_in_whatever_order(
    world: World, order: tuple[int, ...]
) -> None:
    pages = [("jpg", photo()), ("png", png()), ("jpg", picture("JPEG", (90, 200)))]
    answer = presigned(world, pages, has_checksums=True)
    assert len(answer.uploads) == 3  # type: ignore[arg-type]  # narrower than its declared type
    assert presigned(world, pages, has_checksums=True).job_id == answer.job_id
    for number in order:
        assert world.analyst.calls == []
        world.deliver(put_page(world, answer.job_id, number, pages[number - 1]))
    ((document, _),) = world.analyst.calls
    assert page_count(document.content) == 3
    assert PLACE not in document.content
    assert not [key for key in world.stored() if key.startswith("uploads/")]
    with pytest.raises(errors.Conflict):
        presigned(world, pages, has_checksums=True)
    assert world.used() == 1


def test_pages_that_do_not_all_arrive_give_their_unit_back(world: World) -> None:
    pages = [("jpg", jpg()), ("png", png())]
    answer = presigned(world, pages)
    world.deliver(put_page(world, answer.job_id, 1, pages[0]))
    world.finish(18)
    status = world.library.status(world.caller, answer.job_id)
    assert (status.status, world.used(), world.analyst.calls) == ("failed", 0, [])


def test_pages_whose_events_all_got_lost_are_found_by_the_sweep(world: World) -> None:
    pages = [("jpg", jpg()), ("png", png())]
    answer = presigned(world, pages)
    for number, page in enumerate(pages, 1):
        put_page(world, answer.job_id, number, page)
    world.finish(18)
    assert world.library.status(world.caller, answer.job_id).status == "completed"


def test_a_page_that_is_not_what_was_declared_fails_the_job_and_gives_the_unit_back(world: World) -> None:
    pages = [("jpg", jpg()), ("png", png())]
    answer = presigned(world, pages, has_checksums=True)
    put_page(world, answer.job_id, 1, ("jpg", jpg(size=(50, 50))))
    world.deliver(put_page(world, answer.job_id, 2, pages[1]))
    assert (world.library.status(world.caller, answer.job_id).status, world.used()) == ("failed", 0)
    assert world.analyst.calls == []


def test_a_page_that_was_never_asked_for_starts_nothing(world: World) -> None:
    pages = [("jpg", jpg()), ("png", png())]
    answer = presigned(world, pages)
    put_page(world, answer.job_id, 1, pages[0])
    world.deliver(put_page(world, answer.job_id, 7, ("jpg", jpg())))
    assert world.analyst.calls == []


@pytest.mark.parametrize(
    "pages",
    [
        [],
        [PageToUpload(file_type="pdf", file_size=100)],
        [PageToUpload(file_type="jpg", file_size=0)],
        [PageToUpload(file_type="heic", file_size=100)],
        [PageToUpload(file_type="jpg", file_size=100, checksum_sha256="short")],
        [PageToUpload(file_type="jpg", file_size=100)] * 11,
        [PageToUpload(file_type="jpg", file_size=4 * MIB)] * 3,
    ],
)
def test_pages_that_cannot_be_taken_get_no_form(world: World, pages: list[PageToUpload]) -> None:
    with pytest.raises((errors.InvalidRequest, errors.TooLarge)):
        world.uploads.presign(world.caller, {}, UploadUrlRequest(pages=pages))
    assert world.used() == 0


def test_without_pages_type_and_size_are_needed(world: World) -> None:
    for request in (UploadUrlRequest(), UploadUrlRequest(file_type="pdf"), UploadUrlRequest(file_size=10)):
        with pytest.raises(errors.InvalidRequest):
            world.uploads.presign(world.caller, {}, request)
