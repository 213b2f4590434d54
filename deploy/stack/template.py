"""A stage's CloudFormation template: everything around the code, from the declarations that the code uses itself.

What Chalice deploys (functions, roles, the API, triggers) is not in it.
"""

from __future__ import annotations

from typing import Any

from chalicelib.config import APP_NAME, Settings
from deploy.permissions import FUNCTIONS
from deploy.resources import Resources, declare, used_secrets
from deploy.stack.bucket import bucket
from deploy.stack.logs import log_groups
from deploy.stack.operators import budget, conditions, operators, parameters
from deploy.stack.parts import Part
from deploy.stack.queues import queues
from deploy.stack.secret_values import secrets
from deploy.stack.table import table
from deploy.stages import StageOptions, options
from deploy.watch.rendered import resources as watch


def template(settings: Settings) -> dict[str, Any]:
    """Return the template of one stage; names carry the settings' own account and region."""
    chosen = options(settings.stage)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"What {APP_NAME} keeps and is watched by in the stage {settings.stage}.",
        "Parameters": parameters(),
        "Conditions": conditions(),
        "Resources": {**_kept(settings, declare(settings), chosen), **_watching(settings, chosen)},
    }


def _kept(settings: Settings, declared: Resources, chosen: StageOptions) -> Part:
    """Return what holds something. In production it outlives the stack."""
    is_kept = declared.table.is_protected
    return {
        **table(declared.table, is_kept=is_kept),
        **bucket(declared.bucket, is_kept=is_kept),
        **queues(declared.queues, f"{APP_NAME}-{settings.stage}-"),
        **secrets(
            (*declared.key_sets, *used_secrets(declared, settings)), f"{APP_NAME}/{settings.stage}/", is_kept=is_kept
        ),
        **log_groups(settings.stage, FUNCTIONS, chosen.log_retention_days, is_kept=is_kept),
    }


def _watching(settings: Settings, chosen: StageOptions) -> Part:
    """Return what watches: alarms, dashboards, whom they tell, and the budget."""
    return {**operators(settings), **budget(settings, chosen.monthly_budget_dollars), **watch(settings)}
