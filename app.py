"""The table of contents: every route, schedule, S3 and queue handler of the service; one statement each."""

from chalice.app import Chalice, CloudWatchEvent, Cron, Rate, S3Event, SQSEvent  # noqa: I001  # so that all fits on one page

from chalicelib import wiring
from chalicelib.billing import contract as billing
from chalicelib.chat import contract as chat
from chalicelib.config import settings
from chalicelib.documents import contract as documents
from chalicelib.identity import apple_events as apple
from chalicelib.identity import biometric_contract as biometric
from chalicelib.identity import contract as identity
from chalicelib.identity import device_contract as device
from chalicelib.privacy import contract as consent
from chalicelib.privacy import gdpr_contract as gdpr
from chalicelib.reports import contract as reports
from chalicelib.web import docs, events, openapi
from chalicelib.web.api import Api
from chalicelib.web.contract import HealthAnswer
from chalicelib.web.guard import SIGNED_IN, public
from chalicelib.web.limits import (
    CHAT_MESSAGES, CHAT_PROMPTS, GENERAL, PUBLIC, REFRESH, REPORT,
    RESULT, SIGN_IN, STATUS, SUBSCRIPTIONS, UPLOAD, WEBHOOK,
)  # fmt: skip
from chalicelib.web.request import Call
from chalicelib.web.response import Raw, WithStatus

app = Chalice(app_name="serenya", configure_logs=False)
api = Api(app, wiring.rooms)
rules = settings().rules

# --- Identity


@api.route(
    "POST",
    "/auth/oauth-onboarding",
    "/auth/google",
    "/auth/google-onboarding",
    guard=public("it is how one signs in"),
    limit=SIGN_IN,
)
def sign_in(call: Call[identity.SignInRequest]) -> identity.SignInAnswer:
    """Sign in with Google or Apple; the first time this makes the account."""
    return wiring.rooms().sign_in.sign_in(call.body)


@api.route("POST", "/auth/refresh", guard=public("a refresh token is its own proof"), limit=REFRESH)
def refresh_session(call: Call[identity.RefreshRequest]) -> identity.RefreshAnswer:
    """Exchange a refresh token for new tokens; a lost answer can be asked for again."""
    return wiring.rooms().sessions.refresh(call.body)


@api.route("POST", "/auth/logout", guard=SIGNED_IN, limit=GENERAL)
def sign_out(call: Call[identity.LogoutRequest]) -> identity.LogoutAnswer:
    """End the session; twice is fine."""
    return wiring.rooms().sessions.logout(call.caller, call.body)


@api.route("POST", "/auth/biometric/register", guard=SIGNED_IN, limit=GENERAL)
def begin_enrolment(call: Call[biometric.RegisterRequest]) -> biometric.RegisterAnswer:
    """Begin to enrol a key of this device."""
    return wiring.rooms().enrolment.register(call.caller, call.body)


@api.route("POST", "/auth/biometric/complete", guard=SIGNED_IN, limit=GENERAL)
def complete_enrolment(call: Call[biometric.CompleteRequest]) -> biometric.CompleteAnswer:
    """Enrol the key that signed the challenge."""
    return wiring.rooms().enrolment.complete(call.caller, call.body)


@api.route("POST", "/auth/biometric/challenge", guard=SIGNED_IN, limit=GENERAL)
def draw_challenge(call: Call[biometric.ChallengeRequest]) -> biometric.ChallengeAnswer:
    """Get a challenge for the device's key, good once."""
    return wiring.rooms().biometrics.challenge(call.caller, call.body)


@api.route("POST", "/auth/biometric/verify", guard=SIGNED_IN, limit=GENERAL)
def verify_proof(call: Call[biometric.VerifyRequest]) -> biometric.VerifyAnswer:
    """Prove oneself with a signed challenge."""
    return wiring.rooms().biometrics.verify(call.caller, call.body)


@api.route("GET", "/auth/biometric/registrations", guard=SIGNED_IN, limit=GENERAL)
def list_registrations(call: Call[None]) -> biometric.RegistrationsAnswer:
    """The registration of this device, if it has one."""
    return wiring.rooms().enrolment.list_registrations(call.caller)


@api.route("POST", "/webhooks/apple-identity", guard=public("Apple signs what it sends"), limit=WEBHOOK)
def receive_apple_notice(call: Call[apple.AppleNoticeRequest]) -> apple.AppleNoticeAnswer:
    """Hear from Apple that somebody left, or changed how their e-mail is forwarded; a repeat changes nothing."""
    return wiring.rooms().apple_events.receive(call.body)


@api.route("GET", "/user/profile", guard=SIGNED_IN, limit=GENERAL)
def show_profile(call: Call[None]) -> identity.ProfileAnswer:
    """Who the caller is, as we know them."""
    return wiring.rooms().profiles.show(call.caller)


@api.route("PUT", "/user/profile", guard=SIGNED_IN, limit=GENERAL)
def update_profile(call: Call[identity.ProfileUpdate]) -> identity.ProfileAnswer:
    """Change the caller's names, and nothing else."""
    return wiring.rooms().profiles.update(call.caller, call.body)


@api.route("GET", "/user/device", guard=SIGNED_IN, limit=GENERAL)
def show_device(call: Call[None]) -> device.DeviceAnswer:
    """The device that the caller's session belongs to."""
    return wiring.rooms().devices.show(call.caller)


@api.route("PUT", "/user/device", guard=SIGNED_IN, limit=GENERAL)
def update_device(call: Call[device.DeviceUpdate]) -> device.DeviceAnswer:
    """Describe the device anew: its names and versions, never its id or status."""
    return wiring.rooms().devices.describe(call.caller, call.body)


@api.route("GET", "/user/consents", guard=SIGNED_IN, limit=GENERAL, query=("history", "cursor"))
def show_consents(call: Call[None]) -> consent.ConsentsAnswer:
    """What the caller agreed to; with `history=true` how that came about, provably."""
    return wiring.rooms().consents.show(
        call.caller, is_with_history=call.query.get("history") == "true", cursor=call.query.get("cursor")
    )


@api.route("PUT", "/user/consents/{consent_type}", guard=SIGNED_IN, limit=GENERAL)
def change_consent(call: Call[consent.ConsentRequest]) -> consent.ConsentAnswer:
    """Give or withdraw one consent."""
    return wiring.rooms().consents.choose(call.caller, call.path["consent_type"], call.body)


# --- Documents


@api.route("POST", "/api/v1/process/upload", guard=SIGNED_IN, limit=UPLOAD, form=documents.UploadForm)
def upload_document(call: Call[None]) -> documents.UploadAnswer:
    """Hand in a document to be explained."""
    return wiring.rooms().uploads.upload(call.caller, call.headers, call.raw_body)


@api.route("POST", "/api/v1/process/upload-url", guard=SIGNED_IN, limit=UPLOAD)
def presign_upload(call: Call[documents.UploadUrlRequest]) -> documents.UploadUrlAnswer:
    """Get a form with which a document goes straight to the object store."""
    return wiring.rooms().uploads.presign(call.caller, call.headers, call.body)


@api.route("GET", "/api/v1/process/jobs", guard=SIGNED_IN, limit=GENERAL, query=("limit", "cursor"))
def list_jobs(call: Call[None]) -> documents.JobsAnswer:
    """The caller's jobs, newest first, page by page."""
    return wiring.rooms().listing.page(call.caller, call.query)


@api.route("GET", "/api/v1/process/status/{job_id}", guard=SIGNED_IN, limit=STATUS)
def show_job_status(call: Call[None]) -> documents.StatusAnswer:
    """Where a job stands."""
    return wiring.rooms().library.status(call.caller, call.path["job_id"])


@api.route("GET", "/api/v1/process/result/{job_id}", guard=SIGNED_IN, limit=RESULT, binary=("application/pdf",))
def show_job_result(call: Call[None]) -> documents.ResultAnswer | reports.ReportAnswer | Raw:
    """What a document or a report says, readable again and again until it is cleaned up; a report also as a PDF."""
    return wiring.rooms().reports.shelf.result(call.caller, call.path["job_id"], call.header("Accept"))


@api.route("POST", "/api/v1/process/retry/{job_id}", guard=SIGNED_IN, limit=GENERAL)
def retry_job(call: Call[None]) -> documents.RetryAnswer:
    """Try a failed job again; costs no unit."""
    return wiring.rooms().library.retry(call.caller, call.path["job_id"])


@api.route("POST", "/api/v1/process/doctor-report", guard=SIGNED_IN, limit=REPORT, status=202)
def order_doctor_report(call: Call[reports.DoctorReportRequest]) -> WithStatus[reports.OrderAnswer]:
    """Order a report for a doctor; status and result are asked for as for documents."""
    return WithStatus(wiring.rooms().reports.orders.order(call.caller, call.headers, call.body), status=202)


@api.route("DELETE", "/api/v1/process/cleanup/{job_id}", guard=SIGNED_IN, limit=GENERAL)
def clean_up_job(call: Call[None]) -> documents.CleanupAnswer:
    """Remove a document, its result and its job; twice is fine."""
    return wiring.rooms().library.clean_up(call.caller, call.path["job_id"])


# --- Chat


@api.route("GET", "/chat/prompts", "/api/v1/chat/prompts", guard=SIGNED_IN, limit=CHAT_PROMPTS, query=("content_type",))
def list_chat_prompts(call: Call[None]) -> WithStatus[chat.PromptsAnswer]:
    """The prepared questions about a result or a report; 304 for whoever has them."""
    return wiring.rooms().chat.prompts.show(call.caller, call.query.get("content_type"), call.headers)


@api.route("POST", "/chat/messages", guard=SIGNED_IN, limit=CHAT_MESSAGES)
def answer_chat_message(call: Call[chat.MessageRequest]) -> chat.MessageAnswer:
    """Ask a question and wait for its answer."""
    return wiring.rooms().chat.messages.answer(call.caller, call.headers, call.body)


@api.route("POST", "/api/v1/chat/messages", guard=SIGNED_IN, limit=CHAT_MESSAGES, status=202)
def take_chat_message(call: Call[chat.LaterRequest]) -> WithStatus[chat.LaterAnswer]:
    """Ask a question whose answer is fetched later."""
    return WithStatus(wiring.rooms().chat.jobs.ask(call.caller, call.headers, call.body), status=202)


@api.route("GET", "/api/v1/chat/jobs/{job_id}/status", guard=SIGNED_IN, limit=STATUS)
def show_chat_status(call: Call[None]) -> chat.ChatStatusAnswer:
    """Where a question stands, with its answer once there is one."""
    return wiring.rooms().chat.jobs.status(call.caller, call.path["job_id"])


@api.route("GET", "/chat/conversations/{content_id}", guard=SIGNED_IN, limit=GENERAL)
def show_conversation(call: Call[None]) -> chat.ConversationAnswer:
    """Conversations live on the phone: there is none here, whatever is asked for."""
    return wiring.rooms().chat.jobs.conversation(call.caller)


# --- Subscriptions


@api.route("GET", "/subscriptions/current", guard=SIGNED_IN, limit=SUBSCRIPTIONS)
def show_subscription(call: Call[None]) -> billing.CurrentSubscriptionAnswer:
    """What the caller may use, what they pay, and what is left of this month."""
    return wiring.rooms().subscriptions.current(call.caller)


# --- Privacy


@api.route("GET", "/gdpr/export", guard=SIGNED_IN, limit=GENERAL)
def export_data(call: Call[None]) -> gdpr.ExportAnswer:
    """Everything that is stored about the caller, in one readable document."""
    return wiring.rooms().export.of(call.caller)


@api.route("POST", "/gdpr/erasure-request", guard=SIGNED_IN, limit=GENERAL)
def request_erasure(call: Call[gdpr.ErasureRequest]) -> gdpr.ErasureStartedAnswer:
    """Close the caller's account at once, and begin to erase everything that is theirs."""
    return wiring.rooms().erasure.request(call.caller, call.body)


@api.route("GET", "/gdpr/erasure-status/{id}", guard=public("the id is the secret"), limit=PUBLIC)
def show_erasure(call: Call[None]) -> gdpr.ErasureStatusAnswer:
    """How far an erasure has come; afterwards its receipt."""
    return wiring.rooms().erasure.status(call.path["id"])


# --- Operations


@api.route("GET", "/health", guard=public("it says nothing but that we are here"), limit=None)
def show_health(call: Call[None]) -> HealthAnswer:
    """Whether the service answers."""
    return wiring.rooms().health.show()


@api.route("GET", "/health/check", guard=public("it says nothing but that we are here"), limit=None)
def check_health(call: Call[None]) -> WithStatus[HealthAnswer]:
    """Whether the service answers, and how long that took (X-Response-Time)."""
    return wiring.rooms().health.check()


@api.route("GET", "/openapi.json", guard=public("the contract is no secret"), limit=None)
def show_openapi(call: Call[None]) -> Raw:
    """The contract, generated from this page."""
    return openapi.served(api.endpoints)


@api.route("GET", "/docs", guard=public("the contract is no secret"), limit=None)
def show_docs(call: Call[None]) -> Raw:
    """A page to read the contract and to try it."""
    return docs.page()


@api.route("GET", "/docs/assets/{name}", guard=public("the contract is no secret"), limit=None)
def show_docs_asset(call: Call[None]) -> Raw:
    """A file of the documentation page."""
    return docs.asset(call.path["name"])


# --- What happens without being asked


@app.on_s3_event(bucket=settings().bucket_name, events=["s3:ObjectCreated:*"], prefix="uploads/")
def document_uploaded(event: S3Event) -> None:
    """Hand on what was uploaded to the queue that it belongs in."""
    events.deliver_records(event, wiring.rooms().arrivals.on_upload)


@app.on_sqs_message(queue=settings().priority_queue, batch_size=1)
def analyse_priority(event: SQSEvent) -> None:
    """Analyse what goes first: a document of a premium tier."""
    events.deliver_messages(event, wiring.rooms().attempt)


@app.on_sqs_message(queue=settings().retries_queue, batch_size=1, maximum_concurrency=rules.analyses_at_once)
def retry_analysis(event: SQSEvent) -> None:
    """Analyse a document, or try again; write a report."""
    events.deliver_messages(event, wiring.rooms().attempt)


@app.on_sqs_message(queue=settings().priority_backlog_queue, batch_size=1, maximum_concurrency=rules.backlog_at_once)
def analyse_priority_backlog(event: SQSEvent) -> None:
    """Analyse a further document of somebody in a premium tier."""
    events.deliver_messages(event, wiring.rooms().attempt)


@app.on_sqs_message(queue=settings().backlog_queue, batch_size=1, maximum_concurrency=rules.backlog_at_once)
def analyse_backlog(event: SQSEvent) -> None:
    """Analyse a further document of somebody who has one waiting already."""
    events.deliver_messages(event, wiring.rooms().attempt)


@app.on_sqs_message(queue=settings().chat_queue, batch_size=1)
def answer_question(event: SQSEvent) -> None:
    """Answer a question that somebody asked, or forget an answer that was fetched."""
    events.deliver_messages(event, wiring.rooms().chat.answering.act)


@app.on_sqs_message(queue=settings().resets_queue, batch_size=1)
def reset_usage_batch(event: SQSEvent) -> None:
    """Start the counts of some users anew."""
    events.deliver_messages(event, wiring.rooms().usage_reset.reset_batch)


@app.on_sqs_message(queue=settings().erasures_queue, batch_size=1)
def carry_erasure_on(event: SQSEvent) -> None:
    """Do what is left of an erasure."""
    events.deliver_messages(event, wiring.rooms().erasure_saga.carry_on)


@app.schedule(Cron("10", "0", "*", "*", "?", "*"))
def sweep_usage(event: CloudWatchEvent) -> None:
    """Find the users whose usage period has ended; ten past midnight, UTC."""
    events.deliver_tick(wiring.rooms().usage_reset.sweep)


@app.schedule(Rate(1, unit=Rate.MINUTES))
def sweep_jobs(event: CloudWatchEvent) -> None:
    """Find the jobs whose deadline has passed, and try them again or end them."""
    events.deliver_tick(wiring.rooms().job_sweep.sweep)


@app.schedule(Rate(10, unit=Rate.MINUTES))
def sweep_erasures(event: CloudWatchEvent) -> None:
    """Find the erasures that should have been done by now, and send them on."""
    events.deliver_tick(wiring.rooms().erasure_saga.sweep)


api.answer_unknown_paths_if(settings().is_local)
