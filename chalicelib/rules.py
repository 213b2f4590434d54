"""Every number that users feel, in one place: the same in every stage, with a test per number."""

from __future__ import annotations

from datetime import timedelta

import msgspec


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers that users feel (design, decision 4, and the contract's limits). The same in every stage."""

    # An access token is short, because it is verified without asking the table who has been signed out since.
    access_token_life: timedelta = timedelta(minutes=15)
    # A session slides by this much with each refresh …
    session_life: timedelta = timedelta(hours=24)
    # … and ends here whatever is refreshed.
    session_hard_cap: timedelta = timedelta(days=7)
    # Clocks of phones and providers are wrong by up to a minute.
    clock_skew: timedelta = timedelta(seconds=60)
    # An unknown key id makes us ask the provider again, but not more often than this.
    jwks_refetch_after: timedelta = timedelta(minutes=1)
    # Known keys are asked for anew after this, so that a withdrawn key stops working.
    jwks_life: timedelta = timedelta(hours=6)
    # While the provider does not answer, keys that we knew are trusted for this much longer …
    jwks_stale_life: timedelta = timedelta(hours=24)
    # … and with no key at all we ask again after this, because nobody can sign in.
    jwks_retry_after: timedelta = timedelta(seconds=5)
    # Real ID tokens have 700 to 1,500 bytes; more than this is not worth a signature check.
    id_token_limit_bytes: int = 8 * 1024
    # A biometric proof holds for days …
    biometric_proof_life: timedelta = timedelta(days=7)
    # … where much is at stake (export, erasure, purchases) for minutes …
    fresh_proof_life: timedelta = timedelta(minutes=5)
    # … and a challenge can be signed for minutes.
    biometric_challenge_life: timedelta = timedelta(minutes=5)
    # So many wrong signatures in a row lock a registration until the device enrols anew.
    biometric_most_failures: int = 5
    # Who signed in this recently may replace a registration without proof by the key that is replaced.
    recent_sign_in_life: timedelta = timedelta(minutes=10)
    # Apple retries a notification for about a day; an older one is a replay. What it claimed is remembered longer.
    apple_notice_life: timedelta = timedelta(days=7)
    # A multipart body may carry this much file; API Gateway itself refuses above about 4.5 MB (see
    # docs/decisions.md).
    upload_limit_bytes: int = 5 * 1024 * 1024
    # What the parts and fields of a form may add to the file that it carries.
    form_overhead_bytes: int = 64 * 1024
    # So many pictures make one document. Each is inspected by itself while somebody waits.
    upload_most_pages: int = 10
    # A presigned POST goes straight to S3 and may carry more.
    presigned_limit_bytes: int = 10 * 1024 * 1024
    # A presigned POST can be used for this long.
    presigned_life: timedelta = timedelta(minutes=10)
    # JSON bodies.
    body_limit_bytes: int = 1024 * 1024
    # A job that is not done by then is retried or failed, never "processing" for ever.
    job_deadline: timedelta = timedelta(minutes=5)
    # One attempt may take this long before another worker may claim the job.
    job_lease: timedelta = timedelta(seconds=100)
    # Of that, this much is kept for storing what the analyst said.
    job_storing_time: timedelta = timedelta(seconds=10)
    # A late sweep (it runs every minute) is given this long before the app is told that a job has timed out.
    job_overdue_grace: timedelta = timedelta(minutes=2)
    # So often may the owner ask for another try, beside the automatic ones.
    job_retries_by_owner: int = 3
    # Unfinished jobs are spread over this many partitions of the index; one takes about 300 uploads a second.
    job_due_shards: int = 1
    # Analyses that run at once of first documents and of further ones, so that premium and the API find room too.
    analyses_at_once: int = 50
    backlog_at_once: int = 5
    # Waits before the automatic retries; their number is the number of retries.
    job_retry_delays: tuple[timedelta, ...] = (
        timedelta(seconds=30),
        timedelta(minutes=2),
        timedelta(minutes=5),
    )
    # A chat answer takes at most 25 s; whoever still holds a message's unit after this has died.
    message_lease: timedelta = timedelta(seconds=60)
    # The same message, sent again because its answer got lost, is answered so often for one unit.
    message_most_answers: int = 3
    # A message's unit is remembered for so long.
    message_unit_life: timedelta = timedelta(days=2)
    # Documents, results and jobs leave after two days: the app keeps them on the phone.
    job_life: timedelta = timedelta(days=2)
    # What replaced sessions, devices and subscriptions leave behind.
    history_life: timedelta = timedelta(days=400)
    # A receipt of an erasure, and what keeps the erased person from coming back, stay for so long. Table backups reach
    # back 35 days.
    erasure_record_life: timedelta = timedelta(days=90)
    # An erasure that is not done after this is started again by the sweep.
    erasure_overdue_after: timedelta = timedelta(minutes=10)
    # A provider that does not take back its token holds up the rest of an erasure no longer than this.
    erasure_grant_patience: timedelta = timedelta(hours=72)
    # What somebody who asks for erasure is told; most take seconds.
    erasure_estimated_hours: int = 24
    # An export up to this size is the answer itself (Lambda carries 6 MB); a larger one is stored and linked to.
    export_inline_limit_bytes: int = 4 * 1024 * 1024
    # Stored results are part of an export up to this number and size in all; the others are linked to.
    export_inline_objects: int = 50
    export_inline_object_bytes: int = 2 * 1024 * 1024
    # A link to a stored object can be used for this long.
    download_life: timedelta = timedelta(minutes=10)
    # The documents page: how long the app is told to wait.
    estimated_analysis_seconds: int = 30
    # Whoever has not paid may order one report for their doctor within this time of their sign-up.
    free_report_window: timedelta = timedelta(days=7)
    # So many values go into a report, so many of one test; older ones are left out, and the report says so.
    report_most_values: int = 1_000
    report_most_values_per_test: int = 60
    # So many stored documents may be put together in one report.
    report_most_documents: int = 20
    # Whoever waits for an answer has it by then; API Gateway gives up at 29 s, and the app before that.
    chat_answer_within: timedelta = timedelta(seconds=23)
    # So many values go with a question, from so many documents.
    chat_most_values: int = 100
    chat_most_documents: int = 5
    # An answer that is fetched later: how long the app is told to wait, how long one attempt may take …
    estimated_chat_seconds: int = 10
    chat_lease: timedelta = timedelta(seconds=60)
    # … of which this much is kept for storing it …
    chat_storing_time: timedelta = timedelta(seconds=10)
    # … when it is tried again, and when it has failed at the latest.
    chat_retry_delays: tuple[timedelta, ...] = (timedelta(seconds=5), timedelta(seconds=20))
    chat_deadline: timedelta = timedelta(minutes=4)
    # Once fetched, an answer can be fetched again for this long: the first time it may have got lost.
    chat_kept_after_fetch: timedelta = timedelta(minutes=15)
    # Due users are spread over this many partitions of the index.
    usage_due_shards: int = 8
    # One message resets this many users.
    usage_reset_batch: int = 25
    # The first sweep of all looks back this far; whoever was due earlier is counted rightly anyway, and leaves the
    # index with the next use.
    usage_sweep_look_back: timedelta = timedelta(days=62)
    # The reconciliation asks each store for what it sent since the last time, and for this much before that: a store
    # may list a notice a little late.
    billing_sweep_overlap: timedelta = timedelta(hours=3)
    # It asks for no longer stretch at once, so that a run that breaks off has got somewhere.
    billing_sweep_stretch: timedelta = timedelta(days=1)
    # The first sweep of all looks back this far. Stripe and Google tell of no more than 30 days.
    billing_sweep_look_back: timedelta = timedelta(days=28)
    # A subscription of which no news came in time is looked at every hour, for so long; from then on once a day like
    # all, because a store that has forgotten it never has news.
    billing_overdue_hurry: timedelta = timedelta(days=3)
    # One message has this many subscriptions looked at: at most a few calls of a store's API for each.
    billing_look_batch: int = 10
    # Stores repeat a notice for days; what was received is remembered longer than any of them tries.
    billing_event_life: timedelta = timedelta(days=120)
    # What a store tells of a purchase that nobody has claimed waits for its person for so long.
    unclaimed_purchase_life: timedelta = timedelta(days=400)
    # While Apple does not answer, a purchase that it signed this lately is taken on its own word; an older one may have
    # been refunded since.
    app_store_word_life: timedelta = timedelta(hours=1)
    # Stripe signs each attempt to deliver anew; one that was signed longer ago, or later than now, is a replay.
    stripe_signature_tolerance: timedelta = timedelta(seconds=300)
    # A renewal through Stripe that failed is forgiven for so long; Stripe itself tries again for one to four weeks.
    stripe_grace: timedelta = timedelta(days=7)
    # What language models may cost per person and day (UTC); then the local analyst answers. A document of ten pages
    # costs about 12 cents.
    model_daily_cap_cents: int = 300
    # A fallback analyst is left this much of an attempt, whatever the ones before it do …
    analyst_reserve: timedelta = timedelta(seconds=25)
    # … and of a question that somebody waits for.
    answer_reserve: timedelta = timedelta(seconds=2)
    # So many failures in a row, and a model is not asked for a while.
    breaker_failures: int = 3
    breaker_rest: timedelta = timedelta(seconds=60)
