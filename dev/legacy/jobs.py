"""Jobs of the last day, and what was written down about each."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final

from dev.legacy.tables import Dice, Row, text

UNFINISHED: Final = ("uploaded", "processing", "retrying")
_AGENT: Final = "Serenya/2.0 (iPhone; iOS 17.4)"
_ADDRESSES: Final = ("203.0.113.7", "2001:db8::17", "198.51.100.0/24", None)


def job_of(dice: Dice, user_id: str, status: str) -> Row:
    """A job in a state."""
    start = dice.before(0.9, at_least=0.02)
    end = start + timedelta(seconds=dice.random.uniform(3, 90))
    name, kind = f"result_{dice.id()}", dice.random.choice(("pdf", "jpg", "jpeg", "png"))
    is_done, is_lost = status == "completed", status in {"failed", "timeout"}
    return {
        "id": dice.id(),
        "job_id": name,
        "user_id": user_id,
        "original_filename": dice.random.choice(("Befund März.pdf", "scan\t1.jpg", "IMG_0001.HEIC.jpg")),
        "sanitized_filename": f"document.{kind}",
        "file_type": kind,
        "file_size": str(dice.random.randrange(20_000, 5_000_000)),
        "file_checksum": dice.hex() if dice.chance(0.8) else None,
        "s3_bucket": "serenya-legacy-uploads",
        "s3_key": f"uploads/{user_id}/{name}.{kind}",
        "status": status,
        "progress_percentage": "100" if is_done else str(dice.random.randrange(100)),
        "uploaded_at": text(start),
        "processing_started_at": text(start + timedelta(seconds=1)) if status != "uploaded" else None,
        "completed_at": text(end) if is_done else None,
        "failed_at": text(end) if is_lost else None,
        "retry_count": str(dice.random.randrange(3)),
        "max_retries": "3",
        "processing_duration_ms": str(dice.random.randrange(90_000)) if is_done else None,
        "error_message": "The document could not be read." if is_lost else None,
        "error_code": "UNREADABLE" if is_lost else None,
        "user_agent": _AGENT,
        "source_ip": dice.random.choice(_ADDRESSES),
        "session_id": f"sess_{dice.hex(32)}",
        "correlation_id": dice.id() if dice.chance(0.9) else None,
        "api_version": "v1",
        "file_type_validated": "t",
        "file_size_validated": "t",
        "content_validated": dice.random.choice(("t", "f", None)),
        "s3_result_bucket": "serenya-legacy-results" if is_done else None,
        "s3_result_key": f"results/{name}.json" if is_done else None,
        "confidence_score": str(dice.random.randrange(1, 11)) if is_done else None,
        "ai_model_used": "claude-3-haiku" if is_done else None,
        "ttl_expires_at": text(start + timedelta(hours=24)),
        "created_at": text(start),
        "updated_at": text(end),
    }


def events_of(dice: Dice, job: Row) -> list[Row]:
    """What was written down about a job."""
    kinds = ("uploaded", "validated", "processing_started", job["status"])
    at = datetime.fromisoformat(job["created_at"])
    return [
        {
            "id": dice.id(),
            "job_id": job["id"],
            "event_type": kind,
            "event_status": "success" if kind != "failed" else "failure",
            "event_message": f'Said "{kind}" \\ {number}',
            "event_details": f'{{"step": {number}, "cost": 0.{number}50}}' if dice.chance(0.5) else None,
            "user_id_hash": hashlib.sha256(job["user_id"].encode()).hexdigest(),
            "session_id": job["session_id"],
            "correlation_id": job["correlation_id"],
            "source_ip": job["source_ip"],
            "api_endpoint": "/api/v1/process/upload",
            "request_method": "POST",
            "processing_time_ms": str(dice.random.randrange(3000)),
            "data_classification": "medical_phi",
            "gdpr_lawful_basis": "consent",
            "retention_years": "7",
            "created_at": text(at + timedelta(milliseconds=900 * number)),
        }
        for number, kind in enumerate(kinds)
    ]
