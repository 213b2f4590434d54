"""Somebody with unmistakable data, and a witness that remembers everything that the service writes down."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import boto3

from chalicelib import config
from chalicelib.observe.log import log

EMAIL = "Zebulon.Fogg@unmistakable-mail.example"
GIVEN_NAME = "Zebulon"
FAMILY_NAME = "Quartermaine-Fogg"
NEW_NAME = "Peregrine Ravenscroft"
DEVICE_NAME = "Zebulons Phone"
DEVICE_ID = "installation-of-unmistakable-zebulon"
FILE_NAME = "biopsy-of-quartermaine.pdf"
ADDRESS = "203.0.113.77"
CODE = "authorization-code-unmistakable"
REASON = "because-of-my-divorce"
PATIENT_LINE = "Patient Ozymandias Thistlewood, born 1 April 1931"
REMARK = "Specimen collected in the Rookwood clinic"
RESULT = "97.531"
SUBJECT = "sub-8431-at-the-provider"
QUERY = "searched-for-unmistakable"
AGENT = "unmistakable-agent/1.0"

PERSONAL = (
    EMAIL,
    "unmistakable",
    GIVEN_NAME,
    "Quartermaine",
    "Fogg",
    "Peregrine",
    "Ravenscroft",
    "biopsy",
    ADDRESS,
    "divorce",
    "Ozymandias",
    "Thistlewood",
    "Rookwood",
    RESULT,
)
"""Searched for without regard to case. Each stands in something that the journeys hand in."""

DEVICE = {
    "platform": "ios",
    "app_installation_id": DEVICE_ID,
    "app_version": "1.4.2",
    "device_name": DEVICE_NAME,
    "model": "unmistakable model",
    "os_version": "unmistakable os",
}
CLAIMS = {"email": EMAIL, "name": f"{GIVEN_NAME} {FAMILY_NAME}", "given_name": GIVEN_NAME, "family_name": FAMILY_NAME}
HEADERS = {"User-Agent": AGENT, "X-Device-ID": DEVICE_ID, "X-Session-ID": "unmistakable session"}


def document() -> bytes:
    """A laboratory report about somebody unmistakable."""
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(BytesIO())
    lines = [
        "CLINICAL LABORATORY REPORT",
        PATIENT_LINE,
        REMARK,
        "Test            Result    Unit     Reference range",
        f"Glucose         {RESULT}    mg/dL    70 - 100",
        "Hemoglobin      13.4      g/dL     12.0 - 16.0",
        "Creatinine      0.9       mg/dL    0.6 - 1.2",
    ]
    canvas.setFont("Courier", 11)
    for number, line in enumerate(lines):
        canvas.drawString(60, 760 - 22 * number, line)
    content: bytes = canvas.getpdfdata()
    return content


@dataclass
class Witness(logging.Handler):
    """Keeps every log record whole: its text, its fields, the error beside it."""

    seen: list[str] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def __hash__(self) -> int:
        return id(self)

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.seen.append(json.dumps({**vars(record), "text": record.getMessage(), "error": repr(error)}, default=repr))

    def remember(self, answer: Mapping[str, Any]) -> None:
        """Look out for what an answer entrusted to the client: tokens and challenges."""
        for name, value in answer.items():
            if isinstance(value, Mapping):
                self.remember(value)
            elif isinstance(value, str) and len(value) >= 16 and (name.endswith("_token") or name == "challenge"):
                self.secrets.add(value)

    def events(self) -> set[str]:
        """The audit events seen."""
        lines = [json.loads(line) for line in self.seen]
        return {line["event"] for line in lines if line.get("kind") == "audit"}

    def betrayed_in(self, text: str) -> list[str]:
        """What of the person, or of what was entrusted to them, stands in a text."""
        lower = text.lower()
        tokens = {part for secret in self.secrets for part in (secret, secret.rsplit(".", 1)[-1])}
        return [one for one in (*PERSONAL, *sorted(tokens)) if one.lower() in lower]


@contextmanager
def watching() -> Iterator[Witness]:
    """Listen to all loggers, as Lambda's runtime does, at the levels that they have."""
    witness = Witness()
    log("witness_called")  # the first line makes the logger, which keeps its lines from handlers that are there by then
    root = logging.getLogger()
    root.addHandler(witness)
    try:
        yield witness
    finally:
        root.removeHandler(witness)


def stored_keys() -> list[str]:
    """Every key of the table, its indexes and the bucket."""
    stage = config.settings()
    table = boto3.client("dynamodb", region_name=stage.region)
    found: list[str] = []
    for page in table.get_paginator("scan").paginate(TableName=stage.table_name):
        for item in page["Items"]:
            found += [item[name]["S"] for name in item if name.endswith(("PK", "SK"))]
    bucket = boto3.client("s3", region_name=stage.region)
    for listed in bucket.get_paginator("list_objects_v2").paginate(Bucket=stage.bucket_name):
        found += [one["Key"] for one in listed.get("Contents", [])]
    return found
