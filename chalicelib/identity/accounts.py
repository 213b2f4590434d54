"""New people: what is put into the table when somebody signs in for the first time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from chalicelib.gateways.oidc import Identity
from chalicelib.identity.names import made_fit
from chalicelib.ids import email_hash
from chalicelib.models import keys
from chalicelib.models.guard import GuardData, GuardItem
from chalicelib.models.keys import GuardKind
from chalicelib.models.profile import Consent, Consents, Device, Session, Subscription, UserData, UserItem
from chalicelib.models.states import AccountStatus, ConsentType

_MOST_EMAIL_CHARACTERS = 320


@dataclass(frozen=True, slots=True)
class Introduction:
    """How somebody introduces themselves: what the provider vouches for, filled up with what the app says.

    Apple gives name and sometimes e-mail to the app alone, once. Nobody vouches for those: such an e-mail is never
    verified, never links accounts and holds no guard.
    """

    email: str | None
    is_email_verified: bool
    is_private_email: bool
    name: str | None
    given_name: str | None
    family_name: str | None

    @property
    def guarded_email_hash(self) -> str | None:
        """Hash of an address that may belong to one person only: verified, and no relay. None for any other."""
        if not self.is_email_verified or self.is_private_email:
            return None
        return email_hash(self.email)


def introduction(
    identity: Identity, told_email: str | None, told_given_name: str | None, told_family_name: str | None
) -> Introduction:
    """Put together what is known of somebody new. What the provider vouches for comes before what the app says."""
    given_name = made_fit(identity.given_name) or made_fit(told_given_name)
    family_name = made_fit(identity.family_name) or made_fit(told_family_name)
    joined = " ".join(part for part in (given_name, family_name) if part)
    return Introduction(
        email=identity.email or _plausible(told_email),
        is_email_verified=identity.is_email_verified,
        is_private_email=identity.is_private_email,
        name=made_fit(identity.name) or made_fit(joined),
        given_name=given_name,
        family_name=family_name,
    )


def new_user(
    user_id: str,
    identity: Identity,
    introduced: Introduction,
    *,
    consents: Mapping[ConsentType, Consent],
    device: Device,
    session: Session,
    subscription: Subscription,
    at: datetime,
) -> UserItem:
    """Return the profile of somebody new, with the keys under which it is looked up. It has no `ttl` (design, trap
    1)."""
    key = keys.user_key(user_id)
    user = UserItem(
        key.pk,
        key.sk,
        created_at=at,
        updated_at=at,
        data=UserData(
            id=user_id,
            external_id=identity.external_id,
            auth_provider=identity.provider,
            email=introduced.email,
            email_hash=email_hash(introduced.email),
            email_verified=introduced.is_email_verified,
            is_private_email=introduced.is_private_email,
            name=introduced.name,
            given_name=introduced.given_name,
            family_name=introduced.family_name,
            account_status=AccountStatus.ACTIVE,
            last_login_at=at,
            consents=Consents(**{str(kind): consent for kind, consent in consents.items()}),
            current_device=device,
            current_session=session,
            current_subscription=subscription,
        ),
    )
    user.gsi2_pk, user.gsi2_sk = keys.external_index_key(identity.provider, identity.external_id)
    if user.data.email_hash is not None:
        user.gsi1_pk, user.gsi1_sk = keys.email_index_key(user.data.email_hash)
    return user


def guards_of(user_id: str, identity: Identity, introduced: Introduction, at: datetime) -> list[GuardItem]:
    """Return what keeps the identity, and a verified e-mail, to one person."""
    names = [keys.guard_key(GuardKind.EXTERNAL_IDENTITY, identity.provider, identity.external_id)]
    if introduced.guarded_email_hash is not None:
        names.append(keys.guard_key(GuardKind.EMAIL, introduced.guarded_email_hash))
    return [
        GuardItem(name.pk, name.sk, data=GuardData(user_id=user_id), created_at=at, updated_at=at) for name in names
    ]


def _plausible(email: str | None) -> str | None:
    """Return an address that looks like one; what the app says is not worth refusing anybody for."""
    if email is None or "@" not in email or len(email) > _MOST_EMAIL_CHARACTERS:
        return None
    return made_fit(email)
