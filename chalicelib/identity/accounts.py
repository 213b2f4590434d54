"""New people: what is put into the table when somebody signs in for the first time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.gateways.oidc import Identity
from chalicelib.identity.names import made_fit
from chalicelib.ids import email_hash
from chalicelib.models import keys
from chalicelib.models.guard import GuardData, GuardItem
from chalicelib.models.keys import GuardKind
from chalicelib.models.profile import Consents, Device, Session, Subscription, UserData, UserItem
from chalicelib.models.states import AccountStatus
from chalicelib.stores.consent_changes import ConsentChange
from chalicelib.stores.email_moves import EmailMove

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
        return _guarded(email_hash(self.email), self.is_email_verified, self.is_private_email)


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
    consents: ConsentChange,
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
            consents=Consents(**{str(kind): consent for kind, consent in consents.consents.items()}),
            consent_chain=consents.after,
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


def moved_email(user: UserItem, identity: Identity) -> EmailMove | None:
    """Return how the profile follows an address that changed at the provider, or that is vouched for only now.

    None where nothing changed, and where the provider names no address or does not vouch for it: an address that nobody
    vouches for does not replace one that somebody did.
    """
    data, new_hash = user.data, email_hash(identity.email)
    if identity.email is None or new_hash is None or not identity.is_email_verified:
        return None
    before = (data.email_hash, bool(data.email_verified), bool(data.is_private_email))
    after = (new_hash, True, identity.is_private_email)
    if before == after:
        return None
    old_guard, new_guard = _guarded(*before), _guarded(*after)
    return EmailMove(
        seen_hash=data.email_hash,
        email=identity.email,
        email_hash=new_hash,
        is_verified=True,
        is_private=identity.is_private_email,
        released=old_guard if old_guard != new_guard else None,
        claimed=new_guard if new_guard != old_guard else None,
    )


def first_names(user: UserItem, told_given_name: str | None, told_family_name: str | None) -> dict[str, str]:
    """Return the names that somebody gets who has none, by attribute.

    Apple gives a name to the app once. The call that carried it may have been lost, or have come after the account was
    made; whoever has any name keeps what they have.
    """
    data = user.data
    if data.name or data.given_name or data.family_name:
        return {}
    given_name, family_name = made_fit(told_given_name), made_fit(told_family_name)
    name = made_fit(" ".join(part for part in (given_name, family_name) if part))
    told = {"name": name, "given_name": given_name, "family_name": family_name}
    return {attribute: value for attribute, value in told.items() if value is not None}


def _guarded(hashed: str | None, is_verified: bool, is_private: bool) -> str | None:
    return hashed if is_verified and not is_private else None


def _plausible(email: str | None) -> str | None:
    """Return an address that looks like one; what the app says is not worth refusing anybody for."""
    if email is None or "@" not in email or len(email) > _MOST_EMAIL_CHARACTERS:
        return None
    return made_fit(email)
