"""Names, keys, addresses, words of biometric calls, challenges and notices of Apple: each at its limit."""

from __future__ import annotations

import base64
import sys
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.identity import apple_notices, biometric_words, challenges, names, views
from chalicelib.identity.keys import TokenKeys, require_whole, subject_of_address
from chalicelib.models.profile import Biometric
from chalicelib.models.states import BiometricOperation, BiometricType, SubscriptionType
from chalicelib.rules import Rules
from tests.unit.identity.people import person

AT = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)
RULES = Rules()


ASKED = [*range(0x3100), 0xD800, 0xDFFF, 0xE000, 0xF8FF, 0xFEFF, 0xFFFF, 0x1F600, 0xF0000, sys.maxunicode]


def test_a_character_is_refused_by_its_category_or_for_turning_text_around() -> None:
    forbidden = {code for code in ASKED if not names.is_acceptable(chr(code))}
    wrong = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
    by_category = {code for code in ASKED if unicodedata.category(chr(code)) in wrong}
    turning = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0xFEFF}
    assert forbidden == by_category | turning


def test_a_name_may_have_so_many_characters() -> None:
    assert names.is_acceptable("é" * 255)
    assert not names.is_acceptable("é" * 256)
    assert names.made_fit("a" * 254 + " " + "b" * 9) == "a" * 254
    assert names.made_fit(" \u202eAda\u0000 ") == "Ada"
    assert names.made_fit("\u202e") is None
    assert names.made_fit(None) is None


class Secrets:
    """One key set."""

    def __init__(self, key_set: dict[str, Any]) -> None:
        self.key_set = key_set

    def json(self, secret_id: str, *, is_suspected_stale: bool = False) -> dict[str, Any]:
        return self.key_set


def entry(kid: str = "one", length: int = 32) -> dict[str, str]:
    return {"kid": kid, "secret": "s" * length}


def test_a_secret_has_at_least_thirty_two_characters() -> None:
    require_whole({"current": entry()})
    with pytest.raises(errors.Unavailable):
        require_whole({"current": entry(length=31)})


@pytest.mark.parametrize("broken", [{}, {"current": None}, {"previous": entry()}])
def test_a_set_without_a_key_that_signs_is_broken(broken: dict[str, Any]) -> None:
    with pytest.raises(errors.Unavailable):
        require_whole(broken)


@pytest.mark.parametrize("name", ["previous", "next"])
def test_a_broken_key_beside_the_current_breaks_the_set_and_a_missing_one_does_not(name: str) -> None:
    require_whole({"current": entry(), name: None})
    with pytest.raises(errors.Unavailable):
        require_whole({"current": entry(), name: {"kid": "two"}})


def test_addresses_of_one_household_are_one_subject_and_others_are_not() -> None:
    keys = TokenKeys(Secrets({"current": entry()}), "secret")

    def subject(address: str) -> str:
        return subject_of_address(keys, address)

    assert subject("2001:db8:1:2::1") == subject("2001:db8:1:2:ffff::9")
    assert subject("2001:db8:1:2::1") != subject("2001:db8:1:3::1")
    assert subject("192.0.2.1") != subject("192.0.2.2")
    assert subject("::ffff:192.0.2.1") != subject("::ffff:192.0.2.2")
    assert subject("not an address") != subject("nor this")
    assert len(subject("192.0.2.1")) == 32
    assert subject("192.0.2.1") != subject_of_address(
        TokenKeys(Secrets({"current": entry(length=33)}), "s"), "192.0.2.1"
    )


@pytest.mark.parametrize(
    ("told", "operation"),
    [
        *((word, BiometricOperation.EXPORT) for word in ("export", "data_export", "gdpr_export", " Export ")),
        *(
            (word, BiometricOperation.ERASURE)
            for word in (
                "erasure",
                "data_erasure",
                "gdpr_erasure",
                "data_deletion",
                "account_deletion",
                "delete_account",
            )
        ),
        *(
            (word, BiometricOperation.PURCHASE)
            for word in ("purchase", "purchases", "payment", "checkout", "subscription_purchase", "CHECKOUT")
        ),
        *((word, BiometricOperation.AUTHENTICATION) for word in (None, "", "login", "anything")),
    ],
)
def test_every_word_for_an_operation_is_understood(told: str | None, operation: BiometricOperation) -> None:
    assert biometric_words.operation_of(told) is operation


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        *((word, BiometricType.FINGERPRINT) for word in ("fingerprint", "touch_id", " Touch_ID ")),
        *((word, BiometricType.FACE) for word in ("face", "face_id", "faceid")),
        *((word, BiometricType.VOICE) for word in ("voice", "voice_print")),
    ],
)
def test_every_word_for_what_unlocks_a_key_is_understood(told: str, kind: BiometricType) -> None:
    assert biometric_words.type_of(told) is kind


@pytest.mark.parametrize("told", [None, "", "iris"])
def test_no_other_word_unlocks_a_key(told: str | None) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        biometric_words.type_of(told)
    assert refused.value.details == {"field": "biometric_type", "supported": ["fingerprint", "face", "voice"]}


def test_a_note_may_have_sixteen_kibibytes() -> None:
    note = "x" * (16 * 1024 - 2)
    assert biometric_words.kept("note", note) == note
    assert biometric_words.kept("note", None) is None
    with pytest.raises(errors.InvalidRequest):
        biometric_words.kept("note", note + "x")


def test_what_is_required_must_be_there() -> None:
    assert biometric_words.required("field", "value") == "value"
    for missing in (None, ""):
        with pytest.raises(errors.InvalidRequest) as refused:
            biometric_words.required("field", missing)
        assert refused.value.details == {"field": "field"}


def test_a_challenge_is_for_one_operation_and_five_minutes_and_never_the_same() -> None:
    one, other = (challenges.drawn(BiometricOperation.EXPORT, AT, RULES) for _ in range(2))
    assert one.text != other.text
    assert len(base64.b64decode(one.text, validate=True)) == 32
    assert (one.operation, one.expires_at) == (BiometricOperation.EXPORT, AT + timedelta(minutes=5))


def test_an_answer_is_worth_a_proof_for_seven_days() -> None:
    proof = challenges.answered("registration-1", "text", BiometricOperation.EXPORT, AT, RULES)
    assert (proof.registration_id, proof.challenge, proof.operation) == (
        "registration-1",
        "text",
        BiometricOperation.EXPORT,
    )
    assert sorted(
        value for value in (getattr(proof, name) for name in proof.__slots__) if isinstance(value, datetime)
    ) == [
        AT,
        AT + timedelta(days=7),
    ]


def test_a_challenge_can_be_answered_before_it_expires_and_not_at_that_instant() -> None:
    registration = Biometric(challenge_expires_at=AT)
    assert challenges.is_in_time(registration, AT - timedelta(microseconds=1))
    assert not challenges.is_in_time(registration, AT)
    assert not challenges.is_in_time(Biometric(), AT)


def test_what_is_not_found_or_contended_is_told_by_its_code() -> None:
    assert (challenges.not_found().code, challenges.not_found().status) == ("REGISTRATION_NOT_FOUND", 404)
    assert "registration" in str(challenges.not_found())
    assert challenges.contended().headers.get("Retry-After", "1") == "1"


def test_a_name_is_shown_by_its_best_part_and_a_relay_is_no_name() -> None:
    user = person(AT)
    user.data.name = "Ada King"
    assert views.display_name(user) == "Ada King"
    user.data.name, user.data.given_name, user.data.family_name = None, "Ada", "King"
    assert views.display_name(user) == "Ada King"
    user.data.given_name = None
    assert views.display_name(user) == "King"
    user.data.family_name, user.data.is_private_email = None, False
    assert views.display_name(user) == "ada@example.com"
    user.data.is_private_email = True
    assert views.display_name(user) == ""


def claims(**event: Any) -> dict[str, Any]:
    told = {"type": "email-enabled", "sub": "apple-sub", "event_time": 1_773_480_000, **event}
    return {"jti": "event-1", "iat": 1_773_480_600, "events": told}


def test_a_notice_says_whose_which_and_when() -> None:
    notice = apple_notices.read(claims(email="x@privaterelay.appleid.com"))
    assert notice is not None
    assert (notice.event_id, notice.external_id, notice.type_given) == ("event-1", "apple-sub", "email-enabled")
    assert notice.kind is apple_notices.NoticeKind.EMAIL_ENABLED
    assert notice.email == "x@privaterelay.appleid.com"
    assert notice.happened_at == datetime.fromtimestamp(1_773_480_000, UTC)
    assert notice.issued_at == datetime.fromtimestamp(1_773_480_600, UTC)


@pytest.mark.parametrize("email", [None, 7, ["a"]])
def test_what_is_no_text_is_no_address(email: Any) -> None:
    notice = apple_notices.read(claims(email=email))
    assert notice is not None
    assert notice.email is None


@pytest.mark.parametrize("value", [True, "now", 0, -1, 1e30])
def test_what_is_no_instant_gives_way_to_when_it_was_signed(value: Any) -> None:
    notice = apple_notices.read(claims(event_time=value))
    assert notice is not None
    assert notice.happened_at == notice.issued_at


def test_an_instant_may_be_in_seconds_or_in_milliseconds() -> None:
    notices = [apple_notices.read(claims(event_time=value)) for value in (1_773_480_000, 1_773_480_000_000)]
    assert notices[0] is not None and notices[1] is not None
    assert notices[0].happened_at == notices[1].happened_at


@pytest.mark.parametrize("is_needed", [True, False])
def test_who_signed_in_is_told_of_the_session_and_whether_to_prove_it(is_needed: bool) -> None:
    user = person(AT)
    session = user.data.current_session
    assert session is not None
    shown = views.signed_in_view(
        user,
        session,
        access_token="access",
        expires_in=900,
        refresh_token="refresh",
        is_new=True,
        biometric_required=is_needed,
    )
    assert (shown.access_token, shown.expires_in, shown.refresh_token) == ("access", 900, "refresh")
    assert (shown.session.session_id, shown.session.expires_at) == (session.session_id, session.expires_at)
    assert shown.session.biometric_required is is_needed
    assert (shown.user.id, shown.user.is_new_user) == (user.data.id, True)


def test_how_a_plan_is_paid_is_shown() -> None:
    class Facts:
        subscription_id, plan_id, status, tier = "s", "premium_yearly", "active", "premium"
        subscription_type, provider, current_period_end, auto_renew = SubscriptionType.YEARLY, "apple", AT, True

    facts: Any = Facts()
    shown = views.profile_view(person(AT), facts).subscription
    assert shown is not None
    wanted = (
        "subscription_id",
        "plan_id",
        "status",
        "tier",
        "subscription_type",
        "provider",
        "current_period_end",
        "auto_renew",
    )
    assert [getattr(shown, name) for name in wanted] == [getattr(facts, name) for name in wanted]
