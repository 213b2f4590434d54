"""Whether the App Store signed something, for our app and our environment: Apple's own library says, and we translate.

A word is taken to be signed by the App Store where its three certificates lead to a given root, carry the marks of
Apple's signing service, and were valid when the word was signed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeVar

from chalicelib import errors

if TYPE_CHECKING:
    from appstoreserverlibrary.models.JWSRenewalInfoDecodedPayload import JWSRenewalInfoDecodedPayload
    from appstoreserverlibrary.models.JWSTransactionDecodedPayload import JWSTransactionDecodedPayload
    from appstoreserverlibrary.models.ResponseBodyV2DecodedPayload import ResponseBodyV2DecodedPayload
    from appstoreserverlibrary.signed_data_verifier import SignedDataVerifier, VerificationStatus

_Decoded = TypeVar("_Decoded")

PRODUCTION: Final = "Production"
SANDBOX: Final = "Sandbox"
ENVIRONMENTS: Final = (PRODUCTION, SANDBOX)
"""The library knows two more, `Xcode` and `LocalTesting`, in which it checks no signature at all: never these."""
_MOST_CHARACTERS: Final = 256 * 1024
"""Apple's notifications have about 10,000."""


class MalformedWordError(Exception):
    """The App Store signed it, and it is not of the form that its documentation gives."""


class Signatures:
    """Verifies and decodes what the App Store signed, offline.

    `has_online_checks` asks Apple's OCSP responder about each certificate, too (see docs/decisions.md for why not).
    """

    def __init__(
        self,
        roots: Sequence[bytes],
        environment: str,
        bundle_id: str,
        app_apple_id: int | None,
        *,
        has_online_checks: bool = False,
    ) -> None:
        if environment not in ENVIRONMENTS:
            raise ValueError(f"the App Store's environment is one of {', '.join(ENVIRONMENTS)}")
        if environment == PRODUCTION and app_apple_id is None:
            raise ValueError("production needs the app's Apple id")
        if not roots:
            raise ValueError("without a root nothing can be verified")
        self._roots = tuple(roots)
        self._environment = environment
        self._bundle_id = bundle_id
        self._app_apple_id = app_apple_id
        self._has_online_checks = has_online_checks

    def notification(self, signed: str) -> ResponseBodyV2DecodedPayload:
        """Decode a notification.

        Raises:
            Unauthenticated: INVALID_SIGNATURE, or WRONG_ENVIRONMENT for another app or environment.
            Unavailable: whether the certificates still hold could not be found out.
            MalformedWordError: genuine, and not of the documented form.
        """
        return self._decoded(lambda: self._verifier.verify_and_decode_notification(signed), signed)

    def transaction(self, signed: str) -> JWSTransactionDecodedPayload:
        """Decode a transaction. Raises as `notification` does."""
        return self._decoded(lambda: self._verifier.verify_and_decode_signed_transaction(signed), signed)

    def renewal(self, signed: str) -> JWSRenewalInfoDecodedPayload:
        """Decode renewal information. Raises as `notification` does. It names no app: its caller compares it with the
        transaction that it came with."""
        return self._decoded(lambda: self._verifier.verify_and_decode_renewal_info(signed), signed)

    def _decoded(self, decode: Callable[[], _Decoded], signed: str) -> _Decoded:
        from appstoreserverlibrary.signed_data_verifier import VerificationException

        if len(signed) > _MOST_CHARACTERS:
            raise errors.Unauthenticated("INVALID_SIGNATURE", "The signed data is longer than any of the App Store's.")
        try:
            return decode()
        except VerificationException as refused:
            raise _refusal(refused.status) from refused
        except (ExceptionGroup, ValueError, TypeError, AttributeError) as wrong:
            # Raised once the signature was found good: the library gathers all values of other types than documented.
            raise MalformedWordError("signed by the App Store, and not of the documented form") from wrong

    @cached_property
    def _verifier(self) -> SignedDataVerifier:
        from appstoreserverlibrary.models.Environment import Environment
        from appstoreserverlibrary.signed_data_verifier import SignedDataVerifier

        return SignedDataVerifier(
            list(self._roots),
            self._has_online_checks,
            Environment(self._environment),
            self._bundle_id,
            self._app_apple_id,
        )


def _refusal(status: VerificationStatus) -> errors.ServiceError:
    """Forged and foreign are refused for good; "ask me later" must reach the sender as such."""
    from appstoreserverlibrary.signed_data_verifier import VerificationStatus

    if status is VerificationStatus.RETRYABLE_VERIFICATION_FAILURE:
        return errors.Unavailable("PROVIDER_UNAVAILABLE", "Apple's certificates cannot be checked at the moment.")
    if status in (VerificationStatus.INVALID_APP_IDENTIFIER, VerificationStatus.INVALID_ENVIRONMENT):
        return errors.Unauthenticated("WRONG_ENVIRONMENT", "This is about another app or environment.")
    return errors.Unauthenticated("INVALID_SIGNATURE", "The App Store did not sign this.")
