"""The text of a picture with the place of each word, by RapidOCR, which carries its models and needs no network."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from functools import cache
from typing import Any

from chalicelib.errors import AnalystUnavailable, Unreadable
from chalicelib.gateways.analyst.local.page import Page, Word

THREADS = 2
LONGEST_SIDE = 2000  # pixels; larger pictures are made smaller first, as more takes longer and reads no better
SMALLEST_SIDE = 1100  # pixels of the longer side; type in smaller pictures is too small to read, so they are enlarged
MOST_TILT = math.radians(15)
LONG_TEXT = 15  # times its height: as long as a text must be for its box to show the tilt
LEAST_SCORE = 0.5


def page_of_picture(content: bytes, number: int = 1) -> Page:
    """Return the words in a JPEG or PNG, upright and level.

    Raises:
        Unreadable: it is no picture, or too large a one.
        AnalystUnavailable: no reader of pictures is installed here.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as picture:
            upright = ImageOps.exif_transpose(picture)
            return page_of_image(_on_white(upright), number)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise Unreadable() from error


def page_of_image(image: Any, number: int) -> Page:
    """Return the words in a Pillow image; one that lies on its side is turned first.

    Raises:
        AnalystUnavailable: no reader of pictures is installed here.
    """
    image = _sized(image)
    boxes = _recognise(image)
    if _lies_on_its_side(boxes):
        turned = max((_recognise(image.rotate(angle, expand=True)) for angle in (90, 270)), key=_certainty)
        boxes = turned if _certainty(turned) > _certainty(boxes) else boxes
    angle = _tilt(boxes)
    return Page(number, tuple(word for box, text, score in boxes for word in _words(box, text, score, angle)))


_Box = list[tuple[float, float]]  # four corners, clockwise from the upper left
_Found = list[tuple[_Box, str, float]]


@cache
def _engine() -> Any:
    """Return the reader, made once per process (its models take half a second to load)."""
    try:
        from rapidocr import RapidOCR
    except ImportError as error:
        raise AnalystUnavailable(
            "reading pictures needs rapidocr and onnxruntime, which are not installed here"
        ) from error
    return RapidOCR(
        params={
            "Global.log_level": "error",
            "Global.use_cls": False,  # pages upside down are rare, and it costs a tenth of the time
            "Global.max_side_len": LONGEST_SIDE,
            "EngineConfig.onnxruntime.enable_cpu_mem_arena": True,  # a quarter faster, for 300 MB more
            "EngineConfig.onnxruntime.intra_op_num_threads": THREADS,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def _recognise(image: Any) -> _Found:
    import numpy

    pixels = numpy.asarray(image.convert("RGB"))[:, :, ::-1]  # the reader takes blue, green, red
    result = _engine()(numpy.ascontiguousarray(pixels))
    if result.boxes is None or result.txts is None:
        return []
    found = zip(result.boxes, result.txts, result.scores, strict=True)
    return [
        ([(float(x), float(y)) for x, y in box], text, float(score))
        for box, text, score in found
        if score >= LEAST_SCORE
    ]


def _on_white(image: Any) -> Any:
    """Return the picture without transparency: a PNG's text is often black on nothing."""
    from PIL import Image

    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(paper, layer).convert("RGB")
    return image.convert("RGB")


def _sized(image: Any) -> Any:
    longest = max(image.size)
    if SMALLEST_SIDE <= longest <= LONGEST_SIDE:
        return image
    scale = LONGEST_SIDE / longest if longest > LONGEST_SIDE else min(SMALLEST_SIDE * 1.4 / longest, 2.5)
    width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize((width, height))


def _lies_on_its_side(boxes: _Found) -> bool:
    """Are most of the longer texts higher than wide?"""
    long_ones = [box for box, text, _ in boxes if len(text) >= 5]
    upended = [box for box in long_ones if box[2][1] - box[0][1] > 1.5 * (box[2][0] - box[0][0])]
    return len(upended) > len(long_ones) / 2


def _certainty(boxes: _Found) -> float:
    return sum(score * len(text) for _, text, score in boxes)


def _tilt(boxes: _Found) -> float:
    """Return the angle, in radians, that the lines of a photographed page have.

    Boxes of short texts are cut level whatever the page does, so the angle is the one that puts most boxes' middles on
    common lines, near the one that the widest boxes show.
    """
    import numpy

    if len(boxes) < 3:
        return 0.0
    corners = numpy.asarray([box for box, _, _ in boxes])  # texts, corners, coordinates
    middles, slopes = corners.mean(axis=1), corners[:, 1] - corners[:, 0]
    widest = numpy.argsort(slopes[:, 0])[-5:]
    shown = float(numpy.median(numpy.arctan2(slopes[widest, 1], slopes[widest, 0])))
    height = float(numpy.median(corners[:, 3, 1] - corners[:, 0, 1]))
    if height <= 0 or abs(shown) > MOST_TILT:
        return 0.0
    trust = math.radians(1.5 if float(slopes[widest[0], 0]) > LONG_TEXT * height else 3)

    def level(angle: float) -> float:
        rows = middles[:, 1] * math.cos(angle) - middles[:, 0] * math.sin(angle)
        apart = numpy.abs(rows[:, None] - rows[None, :]) / (0.15 * height)
        return float(numpy.exp(-(apart**2)).sum()) * math.exp(-(((angle - shown) / trust) ** 2))

    return max((shown + math.radians(step / 20) for step in range(-80, 81)), key=level)


def _words(box: _Box, text: str, score: float, angle: float) -> Iterator[Word]:
    """Yield the words of one text, each with its share of the width."""
    sine, cosine = math.sin(-angle), math.cos(-angle)
    corners = [(x * cosine - y * sine, x * sine + y * cosine) for x, y in box]
    x0, x1 = (corners[0][0] + corners[3][0]) / 2, (corners[1][0] + corners[2][0]) / 2
    y0, y1 = (corners[0][1] + corners[1][1]) / 2, (corners[2][1] + corners[3][1]) / 2
    inset = 0.12 * (y1 - y0)  # the reader's boxes stand a little off the type
    step = (x1 - x0) / max(len(text), 1)
    at = 0
    for part in text.split(" "):
        if part:
            yield Word(part, x0 + at * step, y0 + inset, x0 + (at + len(part)) * step, y1 - inset, False, score)
        at += len(part) + 1
