"""Device keys and signatures: one algorithm, one spelling, everything else refused."""

from __future__ import annotations

import base64
import secrets
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.identity.device_keys import is_device_key, is_signed_by
from tests.rooms.biometric_phone import base64_of, draw_key, signed, spki

KEY = draw_key()
CHALLENGE = base64_of(secrets.token_bytes(32))
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
COMPRESSED_HEADER = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")


def _der(key: ec.EllipticCurvePrivateKey = KEY) -> bytes:
    return base64.b64decode(spki(key))


def _spki(public: rsa.RSAPublicKey | ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey) -> str:
    return base64_of(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _with_slash() -> str:
    return next(text for text in iter(lambda: spki(draw_key()), "") if "/" in text)


@cache
def _wrong_keys() -> dict[str, str]:
    point = KEY.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    raw = KEY.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    unknown = bytearray(_der())
    unknown[10:23] = unknown[10:23].replace(bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d030106"))
    return {
        "empty": "",
        "no base64": "?" * 124,
        "not ascii": "é" * 124,
        "PEM": pem,
        "the point alone": base64_of(raw),
        "P-384": _spki(ec.generate_private_key(ec.SECP384R1()).public_key()),
        "secp256k1": _spki(ec.generate_private_key(ec.SECP256K1()).public_key()),
        "another curve of the same length": _spki(ec.generate_private_key(ec.BrainpoolP256R1()).public_key()),
        "an unknown curve of the same length": base64_of(bytes(unknown)),
        "a hybrid point": base64_of(_der()[:26] + bytes([6 | _der()[-1] & 1]) + _der()[27:]),
        "RSA": _spki(rsa.generate_private_key(65537, 2048).public_key()),
        "Ed25519": _spki(ed25519.Ed25519PrivateKey.generate().public_key()),
        "off the curve": base64_of(_der()[:-1] + bytes([_der()[-1] ^ 1])),
        "all zeros": base64_of(_der()[:27] + bytes(64)),
        "compressed": base64_of(COMPRESSED_HEADER + point),
        "trailing byte": base64_of(_der() + b"\0"),
        "cut short": base64_of(_der()[:-1]),
        "trailing space": spki(KEY) + " ",
        "line breaks": spki(KEY)[:76] + "\n" + spki(KEY)[76:],
        "no padding": spki(KEY).rstrip("="),
        "bits behind the end": spki(KEY)[:-3] + _next(spki(KEY)[-3]) + "==",
        "url alphabet": _with_slash().replace("/", "_").replace("+", "-"),
        "huge": "A" * 1_000_000,
    }


def _next(character: str) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return alphabet[alphabet.index(character) | 1]


@pytest.mark.parametrize("name", _wrong_keys())
def test_anything_but_an_uncompressed_key_of_p_256_is_no_device_key(name: str) -> None:
    text = _wrong_keys()[name]
    assert not is_device_key(text)
    assert not is_signed_by(text, CHALLENGE, signed(KEY, CHALLENGE))


def test_a_key_of_p_256_is_a_device_key() -> None:
    assert all(is_device_key(spki(draw_key())) for _ in range(20))


def test_a_signature_over_the_bytes_of_the_challenge_counts() -> None:
    assert all(is_signed_by(spki(KEY), CHALLENGE, signed(KEY, CHALLENGE)) for _ in range(20))


def test_a_signature_over_the_text_of_the_challenge_counts() -> None:
    over_text = base64_of(KEY.sign(CHALLENGE.encode(), ec.ECDSA(SHA256())))
    assert is_signed_by(spki(KEY), CHALLENGE, over_text)


def test_a_signature_counts_whichever_half_its_s_lies_in() -> None:
    r, s = decode_dss_signature(base64.b64decode(signed(KEY, CHALLENGE)))
    twin = base64_of(encode_dss_signature(r, ORDER - s))
    assert is_signed_by(spki(KEY), CHALLENGE, twin)


def _integer(number: int, padding: int = 0) -> bytes:
    content = bytes(padding) + number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)
    return b"\x02" + bytes([len(content)]) + content


def _sequence(*parts: bytes) -> bytes:
    body = b"".join(parts)
    return b"\x30" + bytes([len(body)]) + body


@cache
def _wrong_signatures() -> dict[str, str]:
    good = base64.b64decode(signed(KEY, CHALLENGE))
    r, s = decode_dss_signature(good)
    body = good[2:]
    other = base64_of(secrets.token_bytes(32))
    return {
        "empty": "",
        "no base64": "?" * 96,
        "not ascii": "é",
        "no DER": base64_of(b"signed"),
        "r and s without DER": base64_of(r.to_bytes(32, "big") + s.to_bytes(32, "big")),
        "trailing byte": base64_of(good + b"\0"),
        "trailing byte inside": base64_of(b"\x30" + bytes([len(body) + 1]) + body + b"\0"),
        "a third number": base64_of(_sequence(_integer(r), _integer(s), _integer(1))),
        "a long form of the length": base64_of(b"\x30\x81" + bytes([len(body)]) + body),
        "an indefinite length": base64_of(b"\x30\x80" + body + b"\0\0"),
        "a padded number": base64_of(_sequence(_integer(r, padding=2), _integer(s))),
        "a negative number": base64_of(_sequence(_integer(-r), _integer(s))),
        "cut short": base64_of(good[:-1]),
        "r is zero": base64_of(_sequence(_integer(0), _integer(s))),
        "s is zero": base64_of(_sequence(_integer(r), _integer(0))),
        "both are zero": base64_of(_sequence(_integer(0), _integer(0))),
        "r is the order": base64_of(_sequence(_integer(ORDER), _integer(s))),
        "s beyond the order": base64_of(_sequence(_integer(r), _integer(s + ORDER))),
        "r beyond the order": base64_of(_sequence(_integer(r + ORDER), _integer(s))),
        "huge": base64_of(_sequence(_integer(r)) * 10_000),
        "another key": signed(draw_key(), CHALLENGE),
        "another challenge": signed(KEY, other),
        "another hash": base64_of(KEY.sign(base64.b64decode(CHALLENGE), ec.ECDSA(SHA384()))),
        "trailing space": signed(KEY, CHALLENGE) + " ",
    }


@pytest.mark.parametrize("name", _wrong_signatures())
def test_a_signature_that_is_not_strictly_right_is_refused(name: str) -> None:
    assert not is_signed_by(spki(KEY), CHALLENGE, _wrong_signatures()[name])


def test_the_encoder_of_these_tests_writes_a_right_signature_rightly() -> None:
    r, s = decode_dss_signature(base64.b64decode(signed(KEY, CHALLENGE)))
    assert is_signed_by(spki(KEY), CHALLENGE, base64_of(_sequence(_integer(r), _integer(s))))


def test_a_single_changed_bit_is_seen_wherever_it_is() -> None:
    good = base64.b64decode(signed(KEY, CHALLENGE))
    for bit in range(len(good) * 8):
        changed = bytearray(good)
        changed[bit // 8] ^= 1 << bit % 8
        assert not is_signed_by(spki(KEY), CHALLENGE, base64_of(bytes(changed)))
