"""What the stack's empty secrets need before code can use them: keys that we draw, and values that an operator has."""

from __future__ import annotations

import json
import uuid
from typing import Any, Final

from botocore.exceptions import ClientError

from deploy.key_sets import drawn_key
from deploy.release.place import Place, Refused, error_code
from deploy.resources import GivenSecret, KeySetSecret, declare, used_secrets

_ONCE: Final = uuid.UUID("6f1d1c1e-2a51-4c0b-9d63-0b6a6f6f7d11")


def draw_missing_keys(place: Place) -> list[str]:
    """Draw a first key for every key set without one, and return the names of those. Never overwrites a key.

    The first version of a secret has an id made from the secret's own ARN. Secrets Manager makes a version of one id
    once: of two deployments at the same time one draws, and the other is refused and finds the key there.
    """
    secrets = place.client("secretsmanager")
    drawn = [one for one in declare(place.settings).key_sets if _is_empty(secrets, one.name)]
    for one in drawn:
        _draw(secrets, one)
    return [one.name for one in drawn]


def require_given_values(place: Place) -> None:
    """Check that an operator put in what only they have, for everything that the stage's settings make use of.

    Raises:
        Refused: a secret is empty, or has not the fields that are declared; the text says how to put it in.
    """
    secrets = place.client("secretsmanager")
    declared = declare(place.settings)
    faults = [text for one in used_secrets(declared, place.settings) if (text := _fault_of(secrets, one))]
    if faults:
        raise Refused("\n".join(["Some secrets wait for their value. Put it in, and run this again:", *faults]))


def _draw(secrets: Any, secret: KeySetSecret) -> None:
    arn = secrets.describe_secret(SecretId=secret.name)["ARN"]
    value = json.dumps({"current": drawn_key(secret.key_bytes), "previous": None})
    try:
        secrets.put_secret_value(
            SecretId=secret.name, SecretString=value, ClientRequestToken=str(uuid.uuid5(_ONCE, arn))
        )
    except ClientError as error:
        if error_code(error) != "ResourceExistsException":
            raise


def _fault_of(secrets: Any, secret: GivenSecret) -> str:
    """Return what an operator must do about a secret; nothing of its value is said."""
    how = f"aws secretsmanager put-secret-value --secret-id {secret.name} --secret-string file://value.json"
    fields = ", ".join(secret.fields)
    text = _value(secrets, secret.name)
    if not text:
        return f"  {secret.name} is empty: {how}   (a JSON object with {fields})"
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict) or not set(secret.fields) <= set(value):
        return f"  {secret.name} has not the fields {fields}: {how}"
    return ""


def _is_empty(secrets: Any, name: str) -> bool:
    return not _value(secrets, name)


def _value(secrets: Any, name: str) -> str:
    """Return the current value, or nothing where there is no version yet.

    Raises:
        Refused: the secret itself is missing, or about to be deleted.
    """
    try:
        return str(secrets.get_secret_value(SecretId=name).get("SecretString") or "")
    except ClientError as error:
        # No secret, no version yet; or the secret is marked as deleted.
        if error_code(error) not in {"ResourceNotFoundException", "InvalidRequestException"}:
            raise
    try:
        described = secrets.describe_secret(SecretId=name)
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        raise Refused(f"The secret {name} is not there, although the stack declares it.") from error
    if described.get("DeletedDate"):
        raise Refused(f"The secret {name} is to be deleted: `aws secretsmanager restore-secret --secret-id {name}`.")
    return ""
