"""The table of contents: every route, schedule, S3 and queue handler of the service; one statement each."""

from chalice.app import Chalice, Cron

from chalicelib import wiring
from chalicelib.billing import billing_contract as trade
from chalicelib.billing import contract as billing
from chalicelib.chat import contract as chat
from chalicelib.config import settings
from chalicelib.documents import contract as documents
from chalicelib.identity import apple_contract as apple
from chalicelib.identity import biometric_contract as biometric
from chalicelib.identity import contract as identity
from chalicelib.identity import device_contract as device
from chalicelib.privacy import contract as consent
from chalicelib.privacy import gdpr_contract as gdpr
from chalicelib.reports import contract as reports
from chalicelib.web import docs, limits, openapi
from chalicelib.web.api import Api
from chalicelib.web.contract import HealthAnswer
from chalicelib.web.events import Events, every
from chalicelib.web.guard import SIGNED_IN, public
from chalicelib.web.limits import GENERAL, PUBLIC, SIGN_IN, SUBSCRIPTIONS, UPLOAD, WEBHOOK
from chalicelib.web.request import PAGE, Call
from chalicelib.web.response import Raw, WithStatus

app, stage = Chalice(app_name="serenya", configure_logs=False), settings()
api, on = Api(app, wiring.rooms), Events(app, stage.workers_at_once)


# --- Identity
@api.route(
    "POST", "/auth/oauth-onboarding", "/auth/google", "/auth/google-onboarding", guard=public("sign-in"), limit=SIGN_IN
)
def sign_in(call: Call[identity.SignInRequest]) -> identity.SignInAnswer:
    """Sign in with Google or Apple; the first time this makes the account."""
    return wiring.rooms().sign_in.sign_in(call.body)


@api.route("POST", "/auth/refresh", guard=public("a refresh token is its own proof"), limit=limits.REFRESH)
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
def upload_document(call: Call[None]) -> WithStatus[documents.UploadAnswer]:
    """Hand in a document to be explained."""
    return wiring.rooms().documents.uploads.upload(call.caller, call.headers, call.raw_body)


@api.route("POST", "/api/v1/process/upload-url", guard=SIGNED_IN, limit=UPLOAD)
def presign_upload(call: Call[documents.UploadUrlRequest]) -> WithStatus[documents.UploadUrlAnswer]:
    """Get a form with which a document goes straight to the object store."""
    return wiring.rooms().documents.uploads.presign(call.caller, call.headers, call.body)


@api.route("GET", "/api/v1/process/jobs", guard=SIGNED_IN, limit=GENERAL, query=("limit", "cursor"))
def list_jobs(call: Call[None]) -> documents.JobsAnswer:
    """The caller's jobs, newest first, page by page."""
    return wiring.rooms().documents.listing.page(call.caller, call.query)


@api.route("GET", "/api/v1/process/status/{job_id}", guard=SIGNED_IN, limit=limits.STATUS)
def show_job_status(call: Call[None]) -> documents.StatusAnswer:
    """Where a job stands."""
    return wiring.rooms().documents.library.status(call.caller, call.path["job_id"])


@api.route("GET", "/api/v1/process/result/{job_id}", guard=SIGNED_IN, limit=limits.RESULT, binary=("application/pdf",))
def show_job_result(call: Call[None]) -> documents.ResultAnswer | reports.ReportAnswer | Raw:
    """What a document or a report says, readable again and again until it is cleaned up; a report also as a PDF."""
    return wiring.rooms().reports.shelf.result(call.caller, call.path["job_id"], call.header("Accept"))


@api.route("POST", "/api/v1/process/retry/{job_id}", guard=SIGNED_IN, limit=GENERAL)
def retry_job(call: Call[None]) -> documents.RetryAnswer:
    """Try a failed job again; costs no unit."""
    return wiring.rooms().documents.library.retry(call.caller, call.path["job_id"])


@api.route("POST", "/api/v1/process/doctor-report", guard=SIGNED_IN, limit=limits.REPORT, status=202)
def order_doctor_report(call: Call[reports.DoctorReportRequest]) -> WithStatus[reports.OrderAnswer]:
    """Order a report for a doctor; status and result are asked for as for documents."""
    return WithStatus(wiring.rooms().reports.orders.order(call.caller, call.headers, call.body), status=202)


@api.route("DELETE", "/api/v1/process/cleanup/{job_id}", guard=SIGNED_IN, limit=GENERAL)
def clean_up_job(call: Call[None]) -> documents.CleanupAnswer:
    """Remove a document, its result and its job; twice is fine."""
    return wiring.rooms().documents.library.clean_up(call.caller, call.path["job_id"])


# --- Chat
@api.route(
    "GET", "/chat/prompts", "/api/v1/chat/prompts", guard=SIGNED_IN, limit=limits.CHAT_PROMPTS, query=("content_type",)
)
def list_chat_prompts(call: Call[None]) -> WithStatus[chat.PromptsAnswer]:
    """The prepared questions about a result or a report; 304 for whoever has them."""
    return wiring.rooms().chat.prompts.show(call.query.get("content_type"), call.headers)


@api.route("POST", "/chat/messages", guard=SIGNED_IN, limit=limits.CHAT_MESSAGES)
def answer_chat_message(call: Call[chat.MessageRequest]) -> chat.MessageAnswer:
    """Ask a question and wait for its answer."""
    return wiring.rooms().chat.messages.answer(call.caller, call.headers, call.body)


@api.route("POST", "/api/v1/chat/messages", guard=SIGNED_IN, limit=limits.CHAT_MESSAGES, status=202)
def take_chat_message(call: Call[chat.LaterRequest]) -> WithStatus[chat.LaterAnswer]:
    """Ask a question whose answer is fetched later."""
    return WithStatus(wiring.rooms().chat.jobs.ask(call.caller, call.headers, call.body), status=202)


@api.route("GET", "/api/v1/chat/jobs/{job_id}/status", guard=SIGNED_IN, limit=limits.STATUS)
def show_chat_status(call: Call[None]) -> chat.ChatStatusAnswer:
    """Where a question stands, with its answer once there is one."""
    return wiring.rooms().chat.jobs.status(call.caller, call.path["job_id"])


@api.route("GET", "/chat/conversations/{content_id}", guard=SIGNED_IN, limit=GENERAL)
def show_conversation(call: Call[None]) -> chat.ConversationAnswer:
    """Conversations live on the phone: there is none here, whatever is asked for."""
    return wiring.rooms().chat.jobs.conversation(call.caller)


# --- Subscriptions
@api.route("GET", "/subscriptions/current", guard=SIGNED_IN, limit=SUBSCRIPTIONS, query=("explain",))
def show_subscription(call: Call[None]) -> billing.CurrentSubscriptionAnswer:
    """What the caller may use, what they pay, and what is left of this month; with `explain=true` why that is so."""
    return wiring.rooms().subscriptions.current(call.caller, is_explained=call.query.get("explain") == "true")


@api.route("DELETE", "/subscriptions/current", guard=SIGNED_IN, limit=SUBSCRIPTIONS)
def cancel_subscription(call: Call[trade.CancelRequest]) -> trade.CancelAnswer:
    """End what is paid through Stripe; what was bought in a store is cancelled there."""
    return wiring.rooms().billing.checkout.cancel(call.caller, call.body)


@api.route("GET", "/subscriptions/plans", "/subscriptions/tiers", guard=public("a price list"), limit=PUBLIC)
def list_plans(call: Call[None]) -> billing.PlansAnswer:
    """Every plan that can be had, and what it allows."""
    return wiring.rooms().subscriptions.plans()


@api.route("GET", "/subscriptions/usage", guard=SIGNED_IN, limit=SUBSCRIPTIONS)
def show_usage(call: Call[None]) -> billing.UsageAnswer:
    """What the caller used of this month."""
    return wiring.rooms().subscriptions.usage(call.caller)


@api.route("POST", "/subscriptions/purchases", guard=SIGNED_IN, limit=SUBSCRIPTIONS)
def claim_purchase(call: Call[trade.PurchaseRequest]) -> trade.PurchaseAnswer:
    """Hand in what the app bought in its store."""
    return wiring.rooms().billing.purchases.claim(call.caller, call.body)


@api.route("POST", "/subscriptions/checkout", guard=SIGNED_IN, limit=SUBSCRIPTIONS)
def open_checkout(call: Call[trade.CheckoutRequest]) -> trade.CheckoutAnswer:
    """Get a page of Stripe's to pay for a plan on; with an `Idempotency-Key` a repetition gives the same page."""
    return wiring.rooms().billing.checkout.open(call.caller, call.body, call.header("Idempotency-Key"))


@api.route("GET", "/payments", "/subscriptions/billing-history", guard=SIGNED_IN, limit=GENERAL, query=PAGE)
def list_payments(call: Call[None]) -> trade.PaymentsAnswer:
    """What the caller paid, newest first; by the alias the list is called `records` too."""
    return wiring.rooms().billing.payments.page(call.caller, call.route, call.query)


@api.route(
    "POST", "/webhooks/apple", "/webhooks/google", "/webhooks/stripe", guard=public("the store signs it"), limit=WEBHOOK
)
def receive_store_notice(call: Call[bytes]) -> trade.WebhookAnswer:
    """Hear from the App Store, Google Play or Stripe what became of purchases; a repetition changes nothing."""
    return wiring.rooms().billing.notices.receive_at(call.route, call.body, call.headers)


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
def show_openapi(call: Call[None]) -> openapi.Contract:
    """The contract, generated from this page."""
    return openapi.served(api.endpoints)


@api.route("GET", "/docs", "/docs/assets/{name}", guard=public("the contract is no secret"), limit=None)
def show_docs(call: Call[None]) -> docs.PageFile:
    """A page to read the contract and to try it, and the files of that page."""
    return docs.served(call.path.get("name"))


# --- Without being asked: the name of the function, what sets it off, what it does
document_uploaded = on.upload("document_uploaded", stage.bucket_name, lambda: wiring.rooms().documents.arrivals.take)
"""Hand on what was uploaded to the queue that it belongs in."""

analyse_priority = on.message("analyse_priority", stage.priority_queue, lambda: wiring.rooms().attempt)
"""Analyse what goes first: a document of a premium tier."""

retry_analysis = on.message("retry_analysis", stage.retries_queue, lambda: wiring.rooms().attempt)
"""Analyse a document, or try again; write a report."""

analyse_priority_backlog = on.message("analyse_priority_backlog", stage.priority_backlog_queue, wiring.attempts)
"""Analyse a further document of somebody in a premium tier."""

analyse_backlog = on.message("analyse_backlog", stage.backlog_queue, lambda: wiring.rooms().attempt)
"""Analyse a further document of somebody who has one waiting already."""

reset_usage_batch = on.message("reset_usage_batch", stage.resets_queue, lambda: wiring.rooms().usage_reset.reset_batch)
"""Start the counts of some users anew."""

reconcile_subscriptions = on.message("reconcile_subscriptions", stage.billing_looks_queue, wiring.billing_looks)
"""Compare some subscriptions with what their store says of them."""

answer_question = on.message("answer_question", stage.chat_queue, lambda: wiring.rooms().chat.answering.act)
"""Answer a question that somebody asked, or forget an answer that was fetched."""

carry_erasure_on = on.message("carry_erasure_on", stage.erasures_queue, lambda: wiring.rooms().erasure_saga.carry_on)
"""Do what is left of an erasure."""

move_people = on.job("move_people", stage.migration_queue if stage.has_legacy_rights else None, wiring.page_jobs)
"""Copy people from the legacy database, while the stage has one; answers an operator, too."""

tend_move = on.tick("tend_move", every(minutes=1), wiring.tending)
"""Copy what waits, finish what was left half-way, roll back by the guard rails; while there is a legacy database."""

sweep_usage = on.tick("sweep_usage", Cron("10", "0", "*", "*", "?", "*"), lambda: wiring.rooms().usage_reset.sweep)
"""Find the users whose usage period has ended; ten past midnight, UTC."""

sweep_billing = on.tick("sweep_billing", every(hours=1), lambda: wiring.rooms().billing.reconciliation.sweep)
"""Ask the stores for what we missed, and have live subscriptions looked at."""

sweep_jobs = on.tick("sweep_jobs", every(minutes=1), lambda: wiring.rooms().documents.job_sweep.sweep)
"""Find the jobs whose deadline has passed, and try them again or end them."""

sweep_erasures = on.tick("sweep_erasures", every(minutes=10), lambda: wiring.rooms().erasure_saga.sweep)
"""Find the erasures that should have been done by now, and send them on."""

api.answer_unknown_paths_if(stage.is_local)
