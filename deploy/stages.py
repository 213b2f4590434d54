"""What may differ between stages of a deployment and is no business of the running code; the rest is in `config.py`.

An operator's e-mail address is no part of this: it is a parameter of the stack (`OPERATORS_EMAIL=… make deploy`), which
CloudFormation remembers, so that no address stands in the repository.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class StageOptions:
    """One stage's options. `monthly_budget_dollars` is compared with what the whole account costs."""

    log_retention_days: int = 30
    monthly_budget_dollars: int = 20


PRODUCTION: Final = "prod"
"""The stage whose data belongs to people: it is kept, protected, and not removed without a typed word."""

_OPTIONS: Final = {
    "dev": StageOptions(),
    PRODUCTION: StageOptions(log_retention_days=90),
}

DEPLOYED: Final = tuple(_OPTIONS)
"""The stages that are deployed to an account; `local` lives in the embedded cloud alone."""


def options(stage: str) -> StageOptions:
    """Return a stage's options; a stage that is not named has the ordinary ones."""
    return _OPTIONS.get(stage, StageOptions())
