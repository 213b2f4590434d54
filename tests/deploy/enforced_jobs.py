"""What each deployed function is for, done once, small enough to be repeated for every permission that it has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from chalicelib.models.catalogue import OBJECTS
from chalicelib.models.keys import (
    PROFILE_SK,
    PROVIDER_SUBSCRIPTION_PREFIX,
    erasure_key,
    job_due_key,
    sweep_key,
    usage_due_key,
)
from dev.supervision import CommandFailedError
from tests.deploy.enforced_site import REPORT, Person, Site

LANES = ("priority_queue", "retries_queue", "priority_backlog_queue", "backlog_queue")
STORES = ("apple", "google", "stripe")
SEALED = '"s1.'
PAST = "2026-01-01T00:00:00.000000Z"


def sign_in_and_look_around(site: Site) -> None:
    me = site.person()
    me.call("GET", "/user/profile")
    me.call("PUT", "/user/profile", json={"name": "Ann"})
    me.call("GET", "/user/consents?history=true")
    me.call("GET", "/api/v1/process/jobs")
    me.call("GET", "/subscriptions/usage")
    me.call("GET", "/gdpr/export")


def hand_in_and_clean_up(site: Site) -> None:
    me = site.person()
    job_id = me.upload()
    me.call("GET", f"/api/v1/process/status/{job_id}")
    (document,) = me.call("GET", "/gdpr/export")["files"]["items"]
    site.follow(document["download_url"])
    me.call("DELETE", f"/api/v1/process/cleanup/{job_id}")


def hand_in_by_form(site: Site) -> None:
    _sent_by_form(site.person(), site)


def read_a_result(site: Site) -> None:
    me, job_id = _uploaded(site)
    site.deliver("retry_analysis", _message(me, job_id))
    me.call("GET", f"/api/v1/process/result/{job_id}")


def try_again(site: Site) -> None:
    me, job_id = _uploaded(site)
    site.sent_to(*LANES)
    me.set_job(job_id, state={"S": "failed"})
    me.call("POST", f"/api/v1/process/retry/{job_id}")
    site.sent_to(*LANES)


def ask_now(site: Site) -> None:
    me = site.person()
    me.call("POST", "/chat/messages", json={"conversation_id": "c", "message": "What is potassium?", "context": {}})


def ask_and_fetch_later(site: Site) -> None:
    me = site.person()
    asked = me.call("POST", "/api/v1/chat/messages", 202, json={"content_id": "c", "message": "What is potassium?"})
    site.deliver("answer_question", site.sent_to("chat_queue"))
    fetched = me.call("GET", f"/api/v1/chat/jobs/{asked['job_id']}/status")
    if fetched["status"] != "complete":
        raise CommandFailedError(f"The question is {fetched['status']}.")
    # The word that the fetched answer is to be forgotten waits for a quarter of an hour.
    site.deliver("answer_question", {"user_id": me.user_id, "job_id": asked["job_id"], "forget": True})


def sign_in_with_apple_and_leave(site: Site) -> None:
    me = site.person("apple")
    if SEALED not in json.dumps(me.items(PROFILE_SK)):
        raise CommandFailedError("What Apple granted was not kept.")
    me.call("POST", "/gdpr/erasure-request", json={"confirmation_text": "DELETE"})
    site.deliver("carry_erasure_on", site.sent_to("erasures_queue"))


def leave(site: Site) -> None:
    me, _ = _uploaded(site)
    for prefix in OBJECTS:
        for name in ("one", "two"):
            site.put_object(f"{prefix}{me.user_id}/{name}")
    # A form that can still be used is waited for, by a message to come again.
    me.call("POST", "/api/v1/process/upload-url", json={"file_type": "pdf", "file_size": len(REPORT)})
    asked = me.call("POST", "/gdpr/erasure-request", json={"confirmation_text": "DELETE"})
    message = site.sent_to("erasures_queue")
    site.deliver("carry_erasure_on", message)
    name = json.loads(message)["erasure"]
    for _ in range(3):
        _hurry(site, name)
        site.deliver("carry_erasure_on", message)
    status = site.http("GET", f"{site.place.service_url}/gdpr/erasure-status/{asked['erasure_request_id']}")
    if status["status"] != "completed":
        raise CommandFailedError(f"The erasure is {status['status']}.")


def buy(site: Site) -> None:
    me = site.person()
    for store in STORES:
        asked = {"provider": store, "plan_id": "premium_monthly", "account": me.user_id}
        bought = site.http("POST", f"{site.storefront_url}/control/buy", json=asked)
        if not bought["deliveries"] or {one["status"] for one in bought["deliveries"]} != {200}:
            raise CommandFailedError(f"{store}: {bought['deliveries']}")
    me.call("GET", "/payments")


def take_what_arrived(site: Site) -> None:
    _uploaded(site)
    site.sent_to(*LANES)


def analyse(function: str, site: Site) -> None:
    me, job_id = _uploaded(site)
    site.deliver(function, _message(me, job_id))
    found = me.call("GET", f"/api/v1/process/status/{job_id}")
    if found["status"] != "completed":
        raise CommandFailedError(f"The analysis is {found['status']}.")


def find_no_document(function: str, site: Site) -> None:
    """What says that it cannot be analysed is stored as a failure."""
    me, job_id = _uploaded(site)
    site.put_object(f"uploads/{me.user_id}/{job_id}.pdf")
    site.deliver(function, _message(me, job_id))
    found = me.call("GET", f"/api/v1/process/status/{job_id}")
    if found["status"] != "failed":
        raise CommandFailedError(f"The analysis is {found['status']}.")


def analyse_again(function: str, site: Site) -> None:
    """What an earlier attempt may have stored is looked for before what came by a form is cleaned and analysed."""
    me = site.person()
    job_id = _sent_by_form(me, site)
    site.run("document_uploaded", site.uploaded_event(me, job_id))
    me.set_job(job_id, attempt={"N": "1"})
    site.deliver(function, _message(me, job_id))
    found = me.call("GET", f"/api/v1/process/status/{job_id}")
    if found["status"] != "completed":
        raise CommandFailedError(f"The second attempt is {found['status']}.")


def sweep_jobs(site: Site) -> None:
    me, lost = _uploaded(site)
    site.sent_to(*LANES)
    me.set_job(lost, _overdue_job(site, lost), deadline_at={"S": PAST})
    answer = me.call("POST", "/api/v1/process/upload-url", json={"file_type": "pdf", "file_size": len(REPORT)})
    never = answer["job_id"]
    me.set_job(never, _overdue_job(site, never), deadline_at={"S": PAST})
    site.run("sweep_jobs")
    site.sent_to(*LANES)
    if me.call("GET", f"/api/v1/process/status/{never}")["status"] != "failed":
        raise CommandFailedError("What never arrived was not ended.")


def reset_usage(site: Site) -> None:
    me = site.person()
    now = datetime.now(UTC)
    me.set_profile(usage_due_key(now.date(), 0, me.user_id).pk)
    swept = sweep_key("USAGE")
    site.deployment.client("dynamodb").delete_item(
        TableName=site.deployment.settings.table_name, Key={"PK": {"S": swept.pk}, "SK": {"S": swept.sk}}
    )
    site.run("sweep_usage")
    site.deliver("reset_usage_batch", site.sent_to("resets_queue"))


def sweep_erasures(site: Site) -> None:
    me = site.person()
    me.call("POST", "/gdpr/erasure-request", json={"confirmation_text": "DELETE"})
    name = json.loads(site.sent_to("erasures_queue"))["erasure"]
    _update(site, erasure_key(name), "SET GSI3PK = :pk, GSI3SK = :sk", {":pk": "ERASURE_DUE", ":sk": f"{PAST}#{name}"})
    site.run("sweep_erasures")
    site.sent_to("erasures_queue")


def reconcile(site: Site) -> None:
    me = site.person()
    site.http("POST", f"{site.storefront_url}/control/weather", json={"drops": 1})
    try:
        for store in ("apple", "stripe"):
            asked = {"provider": store, "plan_id": "premium_monthly", "account": me.user_id}
            site.http("POST", f"{site.storefront_url}/control/buy", json=asked)
    finally:
        site.http("POST", f"{site.storefront_url}/control/weather", json={"drops": 0})
    site.run("sweep_billing")
    if me.call("GET", "/subscriptions/current")["tier"] != "premium":
        raise CommandFailedError("What nobody told us of was not found.")


def look_at_subscriptions(site: Site) -> None:
    me = site.person()
    for store in STORES:
        site.http(
            "POST",
            f"{site.storefront_url}/control/buy",
            json={"provider": store, "plan_id": "premium_monthly", "account": me.user_id},
        )
    for item in me.items(PROVIDER_SUBSCRIPTION_PREFIX):
        place = [item["PK"]["S"], item["SK"]["S"]]
        site.deliver("reconcile_subscriptions", {"version": 1, "provider": place[1].split("#")[1], "places": [place]})


def answer(function: str, event: dict[str, Any], site: Site) -> None:
    """A function of the move where nobody moves: it answers, and needs nothing for that."""
    site.run(function, event)


JOBS: Mapping[str, tuple[Callable[[Site], None], ...]] = {
    "api_handler": (
        sign_in_and_look_around,
        hand_in_and_clean_up,
        hand_in_by_form,
        read_a_result,
        partial(find_no_document, "retry_analysis"),
        try_again,
        ask_now,
        ask_and_fetch_later,
        sign_in_with_apple_and_leave,
        buy,
    ),
    "document_uploaded": (take_what_arrived,),
    **{
        function: tuple(partial(job, function) for job in (analyse, find_no_document, analyse_again))
        for function in ("analyse_priority", "retry_analysis", "analyse_priority_backlog", "analyse_backlog")
    },
    "answer_question": (ask_and_fetch_later,),
    "sweep_jobs": (sweep_jobs,),
    "sweep_usage": (reset_usage,),
    "reset_usage_batch": (reset_usage,),
    "carry_erasure_on": (leave, sign_in_with_apple_and_leave),
    "sweep_erasures": (sweep_erasures,),
    "sweep_billing": (reconcile,),
    "reconcile_subscriptions": (look_at_subscriptions,),
    "move_people": (partial(answer, "move_people", {"Records": []}),),
    "tend_move": (partial(answer, "tend_move", {}),),
}
"""By function, what cannot be done where that one may not do its part."""


def _uploaded(site: Site) -> tuple[Person, str]:
    me = site.person()
    job_id = me.upload()
    site.run("document_uploaded", site.uploaded_event(me, job_id))
    return me, job_id


def _sent_by_form(person: Person, site: Site) -> str:
    answer = person.call("POST", "/api/v1/process/upload-url", json={"file_type": "pdf", "file_size": len(REPORT)})
    form = answer["upload"]
    site.http("POST", form["url"], 204, fields={**form["fields"], "file": ("report.pdf", REPORT)})
    return str(answer["job_id"])


def _message(person: Person, job_id: str) -> dict[str, str]:
    return {"user_id": person.user_id, "job_id": job_id}


def _overdue_job(site: Site, job_id: str) -> str:
    return job_due_key(datetime.now(UTC), 0, job_id).pk


def _hurry(site: Site, erasure: str) -> None:
    """Let the time be over that an erasure waits for workers which might still write."""
    _update(site, erasure_key(erasure), "SET #data.quiet_at = :at", {":at": PAST}, {"#data": "data"})


def _update(
    site: Site, key: tuple[str, str], change: str, values: Mapping[str, str], names: Mapping[str, str] | None = None
) -> None:
    site.deployment.client("dynamodb").update_item(
        TableName=site.deployment.settings.table_name,
        Key={"PK": {"S": key[0]}, "SK": {"S": key[1]}},
        UpdateExpression=change,
        ExpressionAttributeValues={name: {"S": value} for name, value in values.items()},
        **({"ExpressionAttributeNames": dict(names)} if names else {}),
    )
