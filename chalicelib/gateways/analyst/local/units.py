"""The units that laboratories print, as one pattern, and how to write them down."""

from __future__ import annotations

import re

_POWER = (
    r"(?:(?:[x*]\s?)?10\s?(?:\^|\*|E|e|\*\*)?\s?(?:\(?(?:[3469]|1[012])\)?|[³⁶⁹⁴]|¹²)|10x[369]|E(?:[369]|12)|"
    r"[x*]\s?10{3,9}|10{3,6})"
)
_MARKED = r"(?:[x*]\s?)?10(?:\^|\*|E|e|\*\*)\s?(?:[3469]|1[012])|10[³⁶⁹⁴]|10¹²"
_MASS = r"(?:[kmµnpfud]|mc)?(?:g|gm|gms|gr|gram|mol|Mol|mole|moles|Eq|eq|EQ|osm|Osm|osmol|kat|val|OSM)\b"
_GRAMS = r"(?:gm?|mg|mcg|µg)\s?%"
_VOLUME = r"(?:[mµunpcdfDMk]|mc)?[Ll]\b|(?:cu\.?\s?mm|c\.?mm\.?|cumm|cmm|mm\s?\^?[23³²]|µm\s?\^?[3³])"
_ACTIVITY = (
    r"(?:[mkµunM]|mc)?(?:IU|lU|I\.U\.|UI|U\.I\.|IE|U|KE|E|PLU|GPL|MPL|CU|RU|AU|EU|ELU|BAU|FEU|DDU|Units?|"
    r"units?|UNITS?)(?:[- ]?(?:FEU|DDU))?\b"
)
_COUNT = (
    r"(?:cells?|Cells?|CELLS|Zellen|cel|células|millions?|Millions?|mill|Mill|mio|Mio|mil|lakhs?|Lakhs?|lacs?|"
    r"[tT]housands?|miles|millones|milhões|milh|mi|mil|"
    r"thou|Thou|tsd|Tsd|[KMGT](?=\s?/)|Ery|Leu|Leuko|copies|Copies|Kopien|CFU|cfu|KBE|UFC|ufc|No|no|nos|Nos|"
    r"Anzahl|hem[aá]t[ií]es|Giga|Tera)\.?"
)
_FIELD = r"(?:/?\s?(?:H\.?P\.?F\.?|L\.?P\.?F\.?|hpf|lpf|HPF|LPF|GF|campo|champ|field|Gesichtsfeld)\b\.?)"
_TIME = (
    r"(?:1\s?st\s?(?:hr|hour|h)|secs?|seconds?|Sec|Secs|Seconds|sek|Sek|seg|min|mins|minutes?|hours?|hrs?|h|s|"
    r"d|day|24\s?h(?:rs?|ours?)?|Std)\b\.?"
)
_LENGTH = r"(?:mm|cm|nm|µm|m)\b"
_PRESSURE = r"(?:mm\s?Hg|kPa|mmHg)\b"
_OTHER = (
    r"(?:%\s?of\s?[Tt]otal(?:\s(?:Hgb|Hb|hemoglobin))?|%|‰|[Rr]atio|RATIO|[Ii]ndex|INR|S/CO|s/co|S/Co|COI|"
    r"C\.O\.I\.|MoM|mV|°[CF]|bpm|kcal|Ehrlich|EU|Titer|titer|pH|"
    r"score|Score|[Pp]oints|fraction|nmolBCE|of\s+total|per\s?cent|g/g|mol/mol|mg/mg)"
)
_BODY = r"1[.,]73\s?(?:m\s?\^?[2²]|sq\.?\s?m|qm|(?![\w.,]))"
_BASE = rf"(?:{_BODY}|{_GRAMS}|{_MASS}|{_ACTIVITY}|{_COUNT}(?![a-zA-Zµ])|{_VOLUME}|{_PRESSURE}|{_TIME}|{_LENGTH})"
_PER = rf"\s?/\s?(?:{_POWER}\s?|100\s?|24\s?)?(?:{_BODY}|{_BASE}|{_OTHER}|{_FIELD})"
_NOTE = (
    r"(?:\s?(?:FEU|DDU|BCE|\(calc\)|Hb|Hgb|Cr|crea|Crea|creatinine|Creatinine|Kreatinin|créat|creat|Kr|wet wt|"
    r"protein|Hämoglobin))?"
)
UNIT = re.compile(
    rf"[(\[]?(?:{_POWER}(?:\s?{_BASE}(?:{_PER})*|(?:{_PER})+)|{_MARKED}(?![\w.,])|{_BASE}\s?(?:{_PER})+{_NOTE}|"
    rf"{_BASE}(?:\s?/\s?{_COUNT})?|/\s?(?:{_BASE}|{_POWER}\s?{_BASE})|{_FIELD}|{_OTHER}(?:{_PER})*)[)\]]?(?![\w%])"
)


def read_unit(text: str) -> str | None:
    """Return the unit as printed, without stray spaces and enclosing brackets; None where there is none."""
    unit = re.sub(r"\s*([/^])\s*", r"\1", " ".join(text.split()))
    unit = re.sub(r"(?<![A-Za-z])([mµuk]?)lU/", r"\1IU/", unit)  # as readers of pictures spell IU
    if (unit[:1], unit[-1:]) in {("(", ")"), ("[", "]")}:
        unit = unit[1:-1].strip()
    unit = unit.rstrip(",;:")
    return unit if unit and unit not in {"-", "--", ".", "*", "N/A", "n/a"} else None
