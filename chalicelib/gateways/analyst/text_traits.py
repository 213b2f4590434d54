"""The patterns by which a model's words are judged: what never passes, and what costs a sentence."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

_TLD: Final = (
    "com|org|net|io|co|info|biz|ru|cn|xyz|top|site|online|shop|store|app|dev|link|click|de|uk|eu|ch|at|fr|example|"
    "test|me|ly|gg|ai|in|us|icu|live|health|zip|mov"
)
_TAG: Final = re.compile(
    r"<\s*/?\s*(?:script|img|a|iframe|svg|style|object|embed|form|input|link|meta|b|i|h\d)\b", re.I
)
NEVER: Final[Mapping[str, re.Pattern[str]]] = {
    "link": re.compile(
        r"\]\s*[(\[:]|!\[|[a-z][a-z0-9+.-]{1,15}:/{2,}|\bwww\s?\.|\bhxxps?\b|(?:^|\s)//\w|"
        rf"\b[a-z0-9-]+\.(?:{_TLD})/|\b[a-z0-9-]{{2,}}(?:\.|\s?[\[(](?:\.|dot)[\])]\s?|\s+dot\s+)(?:{_TLD})\b|"
        r"\b(?:mailto|tel|sms|data|javascript|vbscript|intent):\S|\b\d{1,3}(?:\.\d{1,3}){3}\b",
        re.IGNORECASE,
    ),
    "address": re.compile(r"[\w.+-]+\s?(?:@|\(at\)|\[at\])\s?[\w-]+|(?:^|\s)@\w{2,}", re.IGNORECASE),
    "markup": re.compile(
        r"<\s*[!/?a-z]|[a-z\"']\s*/?>(?!\s?\d)|&(?:#\w+|[a-z]{2,8});|`|\{\{|\$\{|\bon(?:error|load|click)\s*=|"
        r"\b(?:eval|alert|fetch|document|window)\s*[.(]|^\s*\|.*\|\s*$|^\s*(?:---|\*\*\*)\s*$|\\u[0-9a-f]{4}|%3c",
        re.IGNORECASE | re.MULTILINE,
    ),
    "instructions": re.compile(
        r"\b(?:system|developer|initial|hidden)\s+(?:prompt|message|instructions?)\b|\bmy\s+instructions\b|"
        r"\bignore\s+(?:all|any|the|your|previous|prior|above)\b.{0,40}\binstruct|\bjailbreak|\bDAN\s+mode\b|"
        r"\b(?:begin|end)\s+(?:document|question|values)\s+[0-9a-f]{8,}",
        re.IGNORECASE,
    ),
    "fraud": re.compile(
        r"\b(?:password|passcode|pin\s+code|credit\s+card|card\s+number|iban|bank\s+account|bitcoin|crypto\s?currency|"
        r"gift\s+cards?|wire\s+(?:money|transfer)|promo(?:tion)?\s+code|discount|coupon|special\s+offer|buy\s+now|"
        r"order\s+now|api\s+key|access\s+token|secret\s+key|login\s+details|verification\s+code|social\s+security)\b",
        re.IGNORECASE,
    ),
}
"""What makes a text unusable, by the code that goes into the log."""
NEVER_IN_A_ROW: Final = (NEVER["link"], NEVER["address"], NEVER["instructions"], NEVER["fraud"], _TAG)
"""What makes a copied line suspicious; printed lines may have pipes, rules and signs of less and more."""

_DRUG: Final = (
    r"doses?|dosage|medications?|medicines?|drugs?|tablets?|pills?|capsules?|insulin|treatment|therapy|antibiotics?|"
    r"warfarin|metformin|aspirin|paracetamol|ibuprofen|statins?|steroids?|supplements?|injections?|prescriptions?|"
    r"levothyroxine|potassium\s+chloride|blood\s+thinners?|chemotherapy"
)
_CARE: Final = (
    r"doctors?|physicians?|hospital|emergency|ambulance|clinic|appointments?|treatment|medical|help|follow|checks?"
)
_ILLNESS: Final = (
    r"cancer|leuka?emia|lymphoma|hiv|aids|diabet\w+|pregnan\w+|tumou?rs?|cirrhosis|hepatitis|tuberculosis|dementia|"
    r"heart\s+attack|kidney\s+failure|liver\s+failure|an?emia|sepsis|syphilis|schizophreni\w+|alcoholi\w+|dying"
)
DOUBTFUL: Final[tuple[re.Pattern[str], ...]] = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # Doses: an amount of something to take, or a change of what is taken.
        r"\b\d+(?:[.,]\d+)?\s?(?:mg|mcg|µg|micrograms?|milligrams?|grams?|ml|millilit\w+|iu|units?|tablets?|pills?|"
        r"capsules?|drops?|puffs?|doses?|teaspoons?|spoons?)\b(?!\s?/|\s+per\b)",
        r"(?<!if you )(?<!when you )\b(?:take|takes|taking|swallow|inject|injecting|drink|ingest|administer)\b.{0,60}"
        r"\b(?:daily|twice|hourly|every|times|mg|ml|units?|" + _DRUG + r")\b",
        r"\b(?:stop|stopping|discontinue|quit|skip|halve|double|triple|increase|raise|reduce|decrease|lower|cut|start|"
        r"begin|adjust|change|replace|switch|throw)\b.{0,50}\b(?:" + _DRUG + r")\b",
        # No doctor: what nobody may be told.
        r"\b(?:ignore|skip|avoid|cancel|delay|postpone|disregard|forget)\b.{0,50}\b(?:" + _CARE + r"|notice|warning)\b",
        r"\b(?:no|not|never|without|un|needn'?t|don'?t|doesn'?t|isn'?t)\b.{0,25}\b(?:need|necessary|required?|reason|"
        r"have\s+to|point|see|seek|visit|call|contact|consult|worry|urgent)\b.{0,50}\b(?:" + _CARE + r")\b",
        r"\bunnecessary\b.{0,40}\b(?:" + _CARE + r")\b|\b(?:" + _CARE + r")\b.{0,30}\b(?:unnecessary|not\s+needed)\b",
        # Diagnoses and promises.
        r"\byou\s+(?:\w+\s+){0,2}(?:have|are|suffer|got|carry)\b.{0,30}\b(?:" + _ILLNESS + r")\b",
        r"\bdiagnos(?:ed|is\s+is|is:)|\b(?:guarantee|guaranteed|certainly\s+not|100\s?%\s+sure|cured?|completely\s+"
        r"healthy|perfectly\s+(?:healthy|fine|normal)|absolutely\s+nothing)\b",
        r"\b(?:you\s+will\s+die|weeks\s+to\s+live|months\s+to\s+live|kill|suicide|idiot|stupid|hate)\b",
        # Somebody else, whose things are nobody's business.
        r"\b(?:another|other|previous|last|next|earlier)\s+(?:person|patient|user|customer|people|conversation|"
        r"somebody|session)s?\b",
        # About ourselves, and shapes that are no prose.
        r"\b(?:language\s+model|as\s+an\s+ai|prompt|json|schema|instructions?|hacked|pwned|compromised|override|"
        r"overridden|obey|unlocked|developer\s+mode|administrator|base64)\b",
        r"[A-Za-z0-9+/=_-]{26,}",
        r"(?:\b\w\b[\s.\-_]+){6,}",
        r"\d[\d\s()/-]{7,}\d",
        r"(?-i:\b[A-Z]{5,}\b(?:\W+[A-Z]{3,}\b)+)",
        r"(?-i:\b(?=[A-Z0-9-]*\d)(?=[A-Z0-9-]*[A-Z]{3})[A-Z0-9]+(?:-[A-Z0-9]+)+\b)",
    )
)
"""What costs a sentence."""

# A name after such a word is somebody's, also where the document holds it: it does not belong into an explanation.
PERSON: Final = re.compile(
    r"\b(?:[Pp]atient|[Nn]amed?|[Cc]alled|[Mm]rs?|[Mm]s|[Mm]iss|[Dd]r|[Pp]rof|[Dd]ear|[Uu]ser)\b[.:,]?\s+(?:is\s+)?"
    r"([A-Z][a-zà-ÿ]+)"
)
NAME_PAIR: Final = re.compile(r"(?<=[a-zà-ÿ,;:] )([A-Z][a-zà-ÿ]{2,}) ([A-Z][a-zà-ÿ]{2,})\b")
_FINE: Final = (
    r"\b(?:normal|fine|okay|ok|healthy|good|great|perfect|in\s+order|unremarkable|reassuring|within|nothing)\b"
)
ALL_WELL: Final = re.compile(
    r"\b(?:all|every|everything|each|none|entirely)\b.{0,50}" + _FINE + r"|"
    r"\b(?:your|the|these|those|this)\s+(?:\w+\s+){0,2}(?:results?|values?|tests?|report|blood)\s+(?:is|are|was|were|"
    r"looks?|seems?|came|appears?)\b.{0,25}" + _FINE + r"|"
    r"\bno(?:thing|t\s+any|ne)?\b.{0,30}\b(?:abnormal|unusual|worry|concern\w*|wrong|problem|alarm\w*|issue|risk|danger)|"
    r"\b(?:you|your\s+health)\s+(?:are|is)\b.{0,20}\b(?:fine|healthy|well|okay|ok|perfect)\b",
    re.IGNORECASE,
)
# "Most other values are within their range" is true of most reports.
NOT_ALL: Final = re.compile(r"\b(?:most|other|rest|remaining)\b", re.IGNORECASE)
WELL: Final = re.compile(r"\b(?:normal|fine|healthy|within|good|perfect|harmless|unremarkable|okay|typical|expected)\b")
NOT_WELL: Final = re.compile(
    r"\b(?:not|outside|above|below|low|lower|high|higher|abnormal|elevated|reduced|increased|decreased|raised|usually|"
    r"than)\b"
)
_SMALL_WORDS: Final = (
    "the is are of and to in for with on this that your you it as be can by or from at not which what was have has may "
    "if its than more less how one some these their they about when would should but also other such will there "
    "between often usually after before because could might both each so up out into does who do like many most"
)


def is_english(words: Sequence[str]) -> bool:
    """Whether a sentence of some length has the small words that English sentences have."""
    if any(not word.isascii() and not word.isnumeric() and _is_foreign(word) for word in words):
        return False
    return len(words) < 8 or sum(word in _english() for word in words) * 7 >= len(words)


@cache
def _english() -> frozenset[str]:
    return frozenset(_SMALL_WORDS.split())


def _is_foreign(word: str) -> bool:
    """Whether a word has letters that are neither Latin nor the Greek ones of units and globulins."""
    return any(ord(mark) > 0x24F and mark not in "αβγδμΩ₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹" for mark in word)


def rotated(text: str) -> str:
    """Return a text with its letters moved by thirteen."""
    return codecs.encode(text, "rot13")


def is_term(first: str, second: str) -> bool:
    """Whether two capitalised words are a test or a thing of medicine and not somebody's name."""
    return bool({first.casefold(), second.casefold()} & _terms())


_COMMON_TERMS: Final = "vitamin blood count test tests laboratory range health national international society units"


@cache
def _terms() -> frozenset[str]:
    from chalicelib.gateways.analyst.local.catalogue import analytes

    own = {word for one in analytes() for name in (one.name, one.group, *one.aliases) for word in name.split()}
    return frozenset(word.casefold() for word in (*own, *_COMMON_TERMS.split()))
