"""Where a deployment goes: the stage's settings with the account that the credentials at hand belong to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

from chalicelib.config import Settings
from deploy.stages import DEPLOYED

if TYPE_CHECKING:
    from boto3.session import Session

_BAD_CREDENTIALS = {
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "ExpiredTokenException",
    "UnrecognizedClientException",
}


class Refused(Exception):
    """What was asked for may not or cannot be done; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """A stage in an account. Clients come from one session, so that credentials are looked for once."""

    settings: Settings
    session: Session

    def client(self, service: str) -> Any:
        """Return a client of one AWS service, in the stage's region; `AWS_ENDPOINT_URL` leads it elsewhere."""
        make: Any = self.session.client
        return make(service, region_name=self.settings.region)

    @property
    def is_emulated(self) -> bool:
        """Whether calls go to an emulated cloud."""
        return bool(os.environ.get("AWS_ENDPOINT_URL"))


def find_place(stage: str) -> Place:
    """Ask AWS whose credentials these are, and return the stage's settings with that account.

    Raises:
        Refused: the stage is not deployed anywhere; there are no credentials, or none that AWS takes.
    """
    from boto3.session import Session

    from deploy.generate import stage_settings

    if stage not in DEPLOYED:
        raise Refused(f"There is no stage {stage!r} to deploy; say STAGE={' or STAGE='.join(DEPLOYED)}.")
    settings = stage_settings(stage)
    with understood():
        session = Session(region_name=settings.region)
        sts = session.client("sts", region_name=settings.region)
        account_id = sts.get_caller_identity()["Account"]
    return Place(replace(settings, account_id=account_id), session)


@contextmanager
def understood() -> Iterator[None]:
    """Say in a sentence what AWS's own errors mean for an operator; errors that say it themselves pass through.

    Raises:
        Refused: no credentials, wrong ones, too few permissions, nobody there.
    """
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise Refused(
            "There are no AWS credentials. Sign in (`aws sso login`), or set AWS_PROFILE or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, for the account that the stage is to live in."
        ) from error
    except ProfileNotFound as error:
        raise Refused(f"AWS_PROFILE names a profile that does not exist: {error}.") from error
    except EndpointConnectionError as error:
        raise Refused(f"AWS cannot be reached: {error}") from error
    except ClientError as error:
        raise Refused(_sentence(error)) from error
    except BotoCoreError as error:
        raise Refused(f"The question to AWS failed: {error}") from error


def error_code(error: ClientError) -> str:
    """Return AWS's name of an error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _sentence(error: ClientError) -> str:
    code, text = error_code(error), error.response.get("Error", {}).get("Message", "")
    if code in _BAD_CREDENTIALS:
        return f"AWS does not take these credentials ({code}): they are wrong or have expired. Sign in again."
    if code in {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}:
        return f"The credentials may not do this ({error.operation_name}): {text}"
    return f"AWS refused {error.operation_name} ({code}): {text}"
