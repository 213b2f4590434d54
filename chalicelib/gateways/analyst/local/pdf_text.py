"""The text of a PDF with the place of each word, through PDFium."""

from __future__ import annotations

import ctypes
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.errors import Unreadable
from chalicelib.gateways.analyst.local.page import Page, Word

MAX_CHARACTERS = 60_000  # per page; a full page of small print has about 8,000
FORCE_BOLD = 1 << 18  # PDF 32000-1, table 123: bit 19 of a font's flags
WORD_GAP = 0.22  # of the type's size: less is letter spacing, more is a new word


@dataclass(frozen=True, slots=True)
class _Char:
    text: str
    x0: float
    x1: float
    baseline: float
    size: float
    quarter: int  # quarter turns of its reading direction with the clock, -1 for oblique text
    is_bold: bool = False


_GAP = _Char("", 0, 0, 0, 0, 0)


def pages_of_pdf(content: bytes, max_pages: int) -> tuple[list[Page], int]:
    """Return the pages with their words, at most `max_pages`, and how many pages the document has.

    A page without text (a scan) comes back without words.

    Raises:
        Unreadable: it is no PDF, is damaged, or is protected by a password.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        raise Unreadable() from error
    try:
        count = len(document)
        return [Page(n + 1, tuple(_words(document, n))) for n in range(min(count, max_pages))], count
    finally:
        document.close()


def picture_of_page(content: bytes, index: int, longest_side: int) -> Any:
    """Return page `index` as a Pillow image whose longer side has about `longest_side` pixels.

    Raises:
        Unreadable: the page cannot be drawn.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(content)
        page = document[index]
        scale = longest_side / max(*page.get_size(), 1.0)
        return page.render(scale=scale).to_pil().convert("RGB")
    except pypdfium2.PdfiumError as error:
        raise Unreadable() from error


def _words(document: Any, index: int) -> list[Word]:
    """Return one page's words; text that stands across the page's main direction (watermarks, margins) is left out."""
    import pypdfium2

    try:
        page = document[index]
        textpage = page.get_textpage()
    except pypdfium2.PdfiumError:
        return []
    chars = list(_characters(textpage))
    textpage.close()
    page.close()
    turns = Counter(char.quarter for char in chars if char.quarter >= 0 and char.text)
    main = turns.most_common(1)[0][0] if turns else 0
    return _with_exponents(list(_join([char for char in chars if not char.text or char.quarter == main])))


def _characters(textpage: Any) -> Iterator[_Char]:
    """Yield each character upright; one without text stands for a gap."""
    from pypdfium2 import raw

    box, x, y = raw.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
    handle = textpage.raw
    starts_word, is_bold = True, False
    for index in range(min(textpage.count_chars(), MAX_CHARACTERS)):
        text = _clean(raw.FPDFText_GetUnicode(handle, index))
        if not text:
            yield _GAP
            starts_word = True
            continue
        raw.FPDFText_GetLooseCharBox(handle, index, box)
        raw.FPDFText_GetCharOrigin(handle, index, x, y)
        turn = raw.FPDFText_GetCharAngle(handle, index) / (math.pi / 2)
        quarter = round(turn) % 4 if abs(turn - round(turn)) < 0.06 else -1
        if starts_word:  # asked once per word, as asking takes longer than all the rest
            is_bold = _is_bold(handle, index)
            starts_word = False
        yield _upright(text, box, x.value, y.value, quarter, is_bold)


def _is_bold(handle: Any, index: int) -> bool:
    from pypdfium2 import raw

    name, flags = ctypes.create_string_buffer(128), ctypes.c_int()
    raw.FPDFText_GetFontInfo(handle, index, name, len(name), flags)
    return bool(flags.value & FORCE_BOLD) or re.search(rb"bold|black|heavy|-bd", name.value, re.IGNORECASE) is not None


def _upright(text: str, box: Any, x: float, y: float, quarter: int, is_bold: bool) -> _Char:
    """Return the character as it stands once its reading direction points to the right, y growing downwards."""
    if quarter == 3:
        return _Char(text, box.bottom, box.top, x, box.right - box.left, quarter, is_bold)
    if quarter == 2:
        return _Char(text, -box.right, -box.left, y, box.top - box.bottom, quarter, is_bold)
    if quarter == 1:
        return _Char(text, -box.top, -box.bottom, -x, box.right - box.left, quarter, is_bold)
    return _Char(text, box.left, box.right, -y, box.top - box.bottom, quarter, is_bold)


def _clean(code: int) -> str:
    """Return the character, or nothing for spaces, controls and private or broken code points."""
    if code <= 32 or code in (0xA0, 0x2009, 0x200A, 0x200B, 0x202F, 0xFEFF, 0xFFFD, 0xFFFE) or code > 0x10FFFF:
        return ""
    if 0xD800 <= code <= 0xDFFF or 0xE000 <= code <= 0xF8FF:
        return ""
    return "-" if code in (0x02, 0xAD) else chr(code)


def _join(chars: list[_Char]) -> Iterator[Word]:
    """Yield words: neighbours on one baseline without a gap. A raised exponent joins its ten as `10^3`."""
    run: list[_Char] = []
    text = ""
    for char in [*chars, _GAP]:
        if run and (not char.text or _is_apart(run[-1], char, run[0])):
            yield _word(text, run)
            run, text = [], ""
        if char.text:
            is_exponent = text.endswith("10") and char.text.isdigit() and _is_raised(run[0], char)
            text += f"^{char.text}" if is_exponent else char.text
            run.append(char)


def _with_exponents(words: list[Word]) -> list[Word]:
    """Join "10", a small raised "9" and "/L" where PDFium gave them as words, and the exponent on another line."""
    joined = list(words)
    for ten in [word for word in words if word.text == "10" or word.text.endswith("x10")]:
        power = next(
            (w for w in joined if w.text.isdigit() and w.height < 0.85 * ten.height and _is_beside(ten, w)), None
        )
        if power is None or power.middle >= ten.middle:
            continue
        rest = next((w for w in joined if w not in (ten, power) and _is_beside(power, w)), None)
        end = rest or power
        whole = replace(ten, text=f"{ten.text}^{power.text}{rest.text if rest else ''}", x1=end.x1)
        joined = [whole if w is ten else w for w in joined if w is not power and w is not rest]
    return joined


def _is_beside(left: Word, right: Word) -> bool:
    overlap = min(left.y1, right.y1) - max(left.y0, right.y0)
    return abs(right.x0 - left.x1) < 0.12 * left.height and overlap > 0.3 * min(left.height, right.height)


def _is_apart(left: _Char, right: _Char, first: _Char) -> bool:
    """Does a new word begin between these neighbours?"""
    gap, size = right.x0 - left.x1, max(first.size, right.size)
    return not (-0.6 * size < gap < WORD_GAP * size) or abs(right.baseline - first.baseline) > 0.55 * size


def _is_raised(base: _Char, char: _Char) -> bool:
    return char.size < 0.85 * base.size and char.baseline < base.baseline - 0.1 * base.size


def _word(text: str, run: list[_Char]) -> Word:
    size = max(char.size for char in run)
    baseline = run[0].baseline
    return Word(text, run[0].x0, baseline - 0.75 * size, run[-1].x1, baseline + 0.2 * size, run[0].is_bold)
