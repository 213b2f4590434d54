"""A certificate chain like the App Store's: a root, an intermediate and a signing certificate with Apple's marks.

Apple's verifier wants three certificates that hold up to OpenSSL's strict checks, the two lower ones marked by object
identifiers of Apple. Tests ask for chains that lack something.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

_INTERMEDIATE_MARK: Final = x509.ObjectIdentifier("1.2.840.113635.100.6.2.1")
_LEAF_MARK: Final = x509.ObjectIdentifier("1.2.840.113635.100.6.11.1")
_MARK_VALUE: Final = b"\x05\x00"
_VALID: Final = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2070, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class _Certified:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def text(self) -> str:
        return base64.b64encode(self.certificate.public_bytes(Encoding.DER)).decode()


class SigningChain:
    """Signs as the App Store does: ES256, with the chain in the header.

    `valid` bounds the signing certificate; without `is_marked` both lower certificates lack Apple's marks; `ocsp_url`
    is where it says that its standing can be asked for.
    """

    def __init__(
        self, *, valid: tuple[datetime, datetime] = _VALID, is_marked: bool = True, ocsp_url: str | None = None
    ) -> None:
        self._root = _certified("Root", _VALID, None, ocsp_url=None)
        marks = (_INTERMEDIATE_MARK, _LEAF_MARK) if is_marked else (None, None)
        self._intermediate = _certified("Intermediate", _VALID, self._root, mark=marks[0], ocsp_url=ocsp_url)
        self._leaf = _certified(
            "Signing", valid, self._intermediate, mark=marks[1], is_authority=False, ocsp_url=ocsp_url
        )

    @property
    def root(self) -> bytes:
        """The root certificate as DER: what a verifier has to be given."""
        return self._root.certificate.public_bytes(Encoding.DER)

    @property
    def header(self) -> list[str]:
        """The chain as it stands in the header of what is signed, the signing certificate first."""
        return [one.text for one in (self._leaf, self._intermediate, self._root)]

    def sign(self, payload: Mapping[str, Any], x5c: list[str] | None = None) -> str:
        """Sign a payload; with `x5c` under somebody else's chain."""
        headers = {"alg": "ES256", "x5c": self.header if x5c is None else x5c}
        return jwt.encode(dict(payload), self._leaf.key, algorithm="ES256", headers=headers)


def _certified(
    name: str,
    valid: tuple[datetime, datetime],
    issuer: _Certified | None,
    *,
    ocsp_url: str | None,
    mark: x509.ObjectIdentifier | None = None,
    is_authority: bool = True,
) -> _Certified:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Simulated App Store {name}")])
    by = issuer or _Certified(None, key)  # type: ignore[arg-type]  # a root is its own issuer
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid[0])
        .not_valid_after(valid[1] - timedelta(seconds=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(_usage(is_authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()), critical=False)
    )
    if mark is not None:
        builder = builder.add_extension(x509.UnrecognizedExtension(mark, _MARK_VALUE), critical=False)
    if ocsp_url is not None:
        where = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(ocsp_url))
        builder = builder.add_extension(x509.AuthorityInformationAccess([where]), critical=False)
    return _Certified(builder.sign(by.key, hashes.SHA256()), key)


def _usage(is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )
