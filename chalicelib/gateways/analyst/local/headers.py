"""The header line of a table of results: which column holds what."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from itertools import pairwise

from chalicelib.gateways.analyst.local.page import Line, Word


class Column(StrEnum):
    """What a column of a laboratory table holds."""

    NAME = "name"
    VALUE = "value"
    UNIT = "unit"
    RANGE = "range"
    LOW = "low"
    HIGH = "high"
    FLAG = "flag"
    OTHER = "other"  # earlier results, methods, sites: read past


@dataclass(frozen=True, slots=True)
class Heading:
    """One column's heading and its place. An out-of-range value column marks its values as abnormal."""

    column: Column
    x0: float
    x1: float
    marks_abnormal: bool = False
    day: date | None = None  # the date that heads a column of a cumulative report

    def distance(self, x0: float, x1: float) -> float:
        """How far a cell is from standing under this heading, aligned left, right or centred."""
        return min(abs(x0 - self.x0), abs(x1 - self.x1), abs((x0 + x1 - self.x0 - self.x1) / 2))


_PHRASES: tuple[tuple[Column, str], ...] = (
    (
        Column.OTHER,
        r"[öo]nceki(?: sonuç| tarih)?|poprzedni[ea]?(?: wynik)?|vorige|eerdere?|f[öo]reg[åa]ende|tidligere|"
        r"p[řr]edchoz[íi]|(?:previous|prior|last|earlier|old|historical|past)(?: (?:results?|values?|date|flag))*|"
        r"vorwerte?|"
        r"vorbefund|"
        r"ant[ée]riorit[ée]s?|ant[ée]rieurs?|(?:r[ée]sultats? )?ant[ée]rieurs?|(?:resultado |valor )?anterior(?:es)?|"
        r"method(?:ology)?|methode|m[ée]thode|m[ée]todo|technique|specimen|sample(?: type)?|material|sample|lab|site|"
        r"comments?|remarks?|bemerkung|kommentar|observaciones|notes?|date|datum|fecha|s\.? ?no\.?|sr\.? ?no\.?|"
        r"sl\.? ?no\.?|"
        r"code|loinc|nr\.?|trend|graph|graphique|verlauf|performed(?: at)?",
    ),
    (Column.LOW, r"(?:ref(?:erence|\.)? )?(?:low|lower|min(?:imum)?)(?: limit)?|untere(?: grenze)?|de"),
    (Column.HIGH, r"(?:ref(?:erence|\.)? )?(?:high|upper|max(?:imum)?)(?: limit)?|obere(?: grenze)?|hasta"),
    (
        Column.RANGE,
        r"referans(?: aral[ıi][ğg]?[ıi]?| de[ğg]erler[iı]?)?|zakres(?: referencyjny| norm)?|norma|"
        r"warto[śs]ci referencyjne|referentie(?:waarden?|interval|bereik)?|normaalwaarden?|referensintervall|"
        r"referenceinterval|referen[čc]n[íi](?: meze| interval)?|(?:(?:bio(?:logical|\.)?|normal|standard|"
        r"expected|therapeutic|healthy|lab) )*(?:ref(?:erence|\.)?|"
        r"normal|standard|expected|"
        r"desirable|biological)[ .]*(?:ranges?|intervals?|values?|limits?|int\.?|rng)?(?: \(?(?:range|interval|"
        r"units?)\)?)?|normals?|"
        r"ranges?|limits|interval|referenz[- ]?(?:bereiche?|werte?|intervall|bereich)?|norm(?:al)?[- ]?(?:werte?|"
        r"bereiche?)|norm|ref\.?[- ]?bereich|"
        r"sollwert|zielbereich|(?:valeurs?|intervalles?)(?: biologiques?)? (?:de |usuelles?|"
        r"normales?)(?:r[ée]f[ée]rences?)?|r[ée]f[ée]rences?|normes?|"
        r"valeurs usuelles|(?:valores?|intervalos?|rangos?)(?: biol[óo]gicos?)? (?:de )?(?:referencia|"
        r"normal(?:es)?)|referencia|rango|"
        r"v\. ?r(?:ef)?\.?|vn|valori (?:di )?riferimento|(?:intervallo|intervalli)(?: di)? riferimento|"
        r"valores de referência",
    ),
    (
        Column.UNIT,
        r"birim[iı]?|jednostk[ai]|eenheid|eenheden|enhe[td]|jednotka|units?(?: of measure(?:ment)?)?|uom|"
        r"si units?|einheit(?:en)?|dimension|unit[ée]s?|unidad(?:es)?|u\.m\.|"
        r"unit[àa]|unidades?",
    ),
    (Column.FLAG, r"flags?|status|abn(?:ormal)?|h/l|indicator|bewertung|alert|hinweis|mark|markierung|flg|ind\.?"),
    (
        Column.NAME,
        r"tetkik(?: ad[ıi])?|test ad[ıi]|badani[ea]|nazwa badania|bepaling(?:en)?|onderzoek|analys|"
        r"unders[öo]kning|vy[šs]et[řr]en[íi]|metoda|(?:name of (?:the )?)?(?:lab(?:oratory)? )?(?:tests?|"
        r"investigations?|analytes?|parameters?|"
        r"examinations?|components?|"
        r"assays?|determinations?|procedures?|profile|measurement|biomarker|marker)(?: ?/? ?(?:names?|"
        r"descriptions?|parameters?|performed|requested))?|"
        r"(?:test )?description|(?:labor)?untersuchung(?:en|sparameter)?|analyse[ns]?|analyt|"
        r"messgr[öo](?:ß|ss)e|bezeichnung|laborparameter|kenngröße|analisi|examens?|d[ée]terminations?|"
        r"paramètres?|libell[ée]|"
        r"pruebas?|determinaci(?:ón|on)(?:es)?|an[áa]lisis|estudios?|par[áa]metros?|ex[áa]men(?:es)?|esam[ei]|"
        r"exames?",
    ),
    (
        Column.VALUE,
        r"sonu[çc](?:lar)?|wynik[i]?|uitslag|resultaat|svar|v[ýy]sledek|hodnota|(?:your |current |patient(?:'s)? |"
        r"observed |obtained |measured |test |in |out of )*(?:results?|values?|"
        r"range|findings?|reading)"
        r"(?: ?/ ?(?:value|result))?|observed|current|ergebnis(?:se)?|(?:mess|ist)?wert|resultat|befund|"
        r"r[ée]sultats?|valeurs?|resultados?|"
        r"valor(?:es)?(?: obtenido)?|risultat[oi]|esit[oi]|valore",
    ),
)
_COMPILED = tuple((column, re.compile(rf"(?:{pattern})", re.IGNORECASE)) for column, pattern in _PHRASES)
_IN_AND_OUT = re.compile(r"(?:in|out of) range", re.IGNORECASE)
_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}-\d{2}-\d{2}")
_LONGEST_PHRASE = 6
MOST_WORDS = 30  # of a header, where two tables stand beside each other


def read_header(line: Line) -> tuple[Heading, ...]:
    """Return the columns that this line announces, from left to right; nothing if it is no header."""
    words = [word for word in line.words if re.search(r"\w", word.text)]
    if len(words) > MOST_WORDS:
        return ()
    headings: list[Heading] = []
    unknown = 0
    start = 0
    while start < len(words):
        heading, used = _longest(words, start)
        if heading is None:
            unknown += 1
            if unknown > len(words) // 3:
                return ()
        elif headings and _continues(headings[-1], heading, words[start - 1], words[start]):
            headings[-1] = replace(headings[-1], x1=heading.x1)
        else:
            headings.append(heading)
        start += used
    if (
        headings
        and headings[0].column is Column.OTHER
        and len(headings) > 2
        and Column.NAME not in [h.column for h in headings]
    ):
        headings[0] = replace(headings[0], column=Column.NAME)  # "Date" above the names of a cumulative report
    kinds = {heading.column for heading in headings}
    has_values = Column.VALUE in kinds or (Column.NAME in kinds and kinds & {Column.RANGE, Column.UNIT})
    if len(kinds) < 2 or not has_values or kinds <= {Column.VALUE, Column.OTHER}:
        return ()
    return tuple(headings)


def _longest(words: list[Word], start: int) -> tuple[Heading | None, int]:
    """Return the longest phrase from `start` that heads a column, and how many words it or an unknown word takes."""
    for length in range(min(_LONGEST_PHRASE, len(words) - start), 0, -1):
        run = words[start : start + length]
        if any(b.x0 - a.x1 > 1.2 * a.height for a, b in pairwise(run)):
            continue
        text = " ".join(word.text for word in run).strip(" :*()[]|")
        if _IN_AND_OUT.fullmatch(text):
            return Heading(Column.VALUE, run[0].x0, run[-1].x1, text.lower().startswith("out")), length
        for column, pattern in _COMPILED:
            if pattern.fullmatch(text):
                return Heading(column, run[0].x0, run[-1].x1), length
        if length == 1 and _DATE.fullmatch(text):
            return Heading(Column.VALUE, run[0].x0, run[-1].x1, day=_day(text)), 1
    return None, 1


def _day(text: str) -> date:
    """Return a column's date; day and month first is near enough to find the latest."""
    parts = [int(part) for part in re.split(r"[./-]", text)]
    year, month, day = parts if parts[0] > 31 else parts[::-1]
    if month > 12:
        month, day = day, month
    try:
        return date(year if year > 99 else 2000 + year, month, day)
    except ValueError:
        return date.min


def _continues(left: Heading, right: Heading, before: Word, after: Word) -> bool:
    """Do two neighbouring phrases head one column ("Test | Description")?"""
    return left.column == right.column and after.x0 - before.x1 < 0.6 * before.height


def tables_beside(headings: tuple[Heading, ...]) -> list[tuple[Heading, ...]]:
    """Return the header of each table where two stand side by side, else the one there is."""
    starts = [i for i, heading in enumerate(headings) if heading.column is Column.NAME]
    if len(starts) < 2 or starts[0] != 0:
        return [headings]
    parts = [headings[a:b] for a, b in zip(starts, [*starts[1:], len(headings)], strict=True)]
    return parts if all(any(h.column is Column.VALUE for h in part) for part in parts) else [headings]


def single_value_columns(headings: tuple[Heading, ...]) -> tuple[Heading, ...]:
    """Return the columns with only one of values and one of units kept; others are earlier or converted results.

    Of columns headed by dates the latest is kept, of others the first. Two columns "in range" and "out of range" are
    one value in two places, and stay.
    """
    values = [heading for heading in headings if heading.column is Column.VALUE]
    dated = [heading for heading in values if heading.day is not None]
    latest = max(dated, key=lambda h: h.day or date.min, default=None)
    if any(heading.marks_abnormal for heading in values):
        kept = values
    elif latest is not None and len(dated) == len(values):
        kept = [latest]
    else:
        kept = [heading for heading in values if heading.day is None][:1]
    units = [heading for heading in headings if heading.column is Column.UNIT][:1]
    return tuple(
        replace(h, column=Column.OTHER) if h.column in (Column.VALUE, Column.UNIT) and h not in (*kept, *units) else h
        for h in headings
    )
