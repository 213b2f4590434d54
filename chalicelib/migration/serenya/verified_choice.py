"""The SQL of what is not one row's to say: which of several rows is in use, and which guards stand."""

from __future__ import annotations

from typing import Final

from chalicelib.migration.serenya.verified_fields import BORN, instant

CHOSEN_CTES: Final = """
chosen_session AS MATERIALIZED (
    SELECT DISTINCT ON (one.user_id) one.user_id, one.id, one.session_id, one.device_id
    FROM user_sessions AS one
    WHERE coalesce(one.status::text, 'active') = 'active' AND one.expires_at > :as_of AND :within(one.user_id)
    ORDER BY one.user_id, coalesce(one.last_accessed_at, one.created_at) DESC NULLS LAST,
        one.session_id COLLATE "C" DESC
), chosen_device AS MATERIALIZED (
    SELECT DISTINCT ON (one.user_id) one.user_id, one.id, one.device_id
    FROM user_devices AS one
    LEFT JOIN chosen_session AS used ON used.device_id = one.id AND used.user_id = one.user_id
    WHERE (used.id IS NOT NULL OR coalesce(one.status::text, 'active') = 'active') AND :within(one.user_id)
    ORDER BY one.user_id, used.id IS NULL, one.last_active_at DESC NULLS LAST, one.device_id COLLATE "C" DESC
), chosen_biometric AS MATERIALIZED (
    SELECT DISTINCT ON (held.user_id) held.user_id, one.id, one.registration_id
    FROM biometric_registrations AS one JOIN chosen_device AS held ON held.id = one.device_id
    WHERE one.is_active IS NOT FALSE
    ORDER BY held.user_id, coalesce(one.is_verified, false) DESC, one.last_verified_at DESC NULLS LAST,
        one.registration_id COLLATE "C" DESC
), chosen_subscription AS MATERIALIZED (
    SELECT DISTINCT ON (one.user_id) one.user_id, one.id, one.start_date,
        one.provider || '#' || one.external_subscription_id AS name
    FROM subscriptions AS one
    WHERE (one.subscription_status = 'active' OR (one.subscription_status = 'cancelled' AND one.end_date > :as_of))
        AND :within(one.user_id)
    ORDER BY one.user_id, one.subscription_status = 'active' DESC, one.end_date DESC,
        (one.provider || '#' || one.external_subscription_id) COLLATE "C" DESC
)"""
"""A column that may be NULL means its default then; ties are settled by the id that the outside knows."""

CHOSEN_ENTRIES: Final = """
SELECT person.id::text AS key, session.session_id AS v0, device.device_id AS v1, biometric.registration_id AS v2,
    plan.name AS v3
FROM users AS person
LEFT JOIN chosen_session AS session ON session.user_id = person.id
LEFT JOIN chosen_device AS device ON device.user_id = person.id
LEFT JOIN chosen_biometric AS biometric ON biometric.user_id = person.id
LEFT JOIN chosen_subscription AS plan ON plan.user_id = person.id
WHERE :within(person.id)
"""

_PAID: Final = f"coalesce(one.created_at, one.processed_at, one.updated_at, {BORN})"
_SHA: Final = "encode(sha256(convert_to({}, 'UTF8')), 'hex')"
GUARD_ENTRIES: Final = f"""
SELECT person.id::text AS key, 'GUARD#EXTERNAL#' || person.auth_provider || '#' || person.external_id AS v0,
    NULL::text AS v1, {instant(BORN)} AS v2
FROM users AS person WHERE :within(person.id)
UNION ALL
SELECT one.user_id::text, 'GUARD#SUBSCRIPTION#' || one.provider || '#' || {_SHA.format("one.external_subscription_id")},
    NULL, {instant(BORN)}
FROM subscriptions AS one JOIN users AS person ON person.id = one.user_id
WHERE :within(one.user_id) AND (
    date_trunc('second', coalesce(one.updated_at, one.created_at, {BORN}) + :life) > :as_of
    OR EXISTS (SELECT FROM chosen_subscription AS chosen WHERE chosen.id = one.id)
)
UNION ALL
SELECT one.user_id::text, 'GUARD#TRANSACTION#' || held.provider || '#' || {_SHA.format("one.provider_transaction_id")},
    'PAYMENT#' || left({instant(_PAID)}, 10) || '#'
    || lpad(to_hex(greatest(0, floor(extract(epoch FROM {_PAID}) * 1000))::bigint), 12, '0') || '-' || one.id,
    {instant(_PAID)}
FROM payments AS one JOIN users AS person ON person.id = one.user_id
JOIN subscriptions AS held ON held.id = one.subscription_id
WHERE :within(one.user_id) AND NOT EXISTS (
    SELECT FROM payments AS other JOIN subscriptions AS plan ON plan.id = other.subscription_id
    WHERE other.provider_transaction_id = one.provider_transaction_id AND plan.provider = held.provider
        AND (coalesce(other.created_at, '-infinity'), other.id) < (coalesce(one.created_at, '-infinity'), one.id)
)
"""  # noqa: S608  # declared here
"""Of several payments with one transaction the oldest holds the guard."""

EMAILS: Final = f"""
SELECT person.id::text, person.email, coalesce({instant("person.created_at")}, ''), {instant(BORN)}
FROM users AS person WHERE person.email_verified
"""  # noqa: S608  # declared here
USAGE: Final = f"""
SELECT person.id::text, {instant(BORN)}, {instant("plan.start_date")}, coalesce(jobs.told, '[]')
FROM users AS person
LEFT JOIN chosen_subscription AS plan ON plan.user_id = person.id
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_array(one.job_id, {instant("one.uploaded_at")},
        floor(extract(epoch FROM coalesce(one.ttl_expires_at, one.uploaded_at + interval '1 day'))))
    )::text AS told FROM processing_jobs AS one WHERE one.user_id = person.id
) AS jobs ON true
WHERE :within(person.id)
"""  # noqa: S608  # declared here
"""What units are counted from: the person, the anchor of their periods, and the jobs still here."""
