"""How operators hear of things: the topic, who may write to it, the e-mail address if one was given, and the budget."""

from __future__ import annotations

from typing import Any

from chalicelib.config import Settings
from deploy.release.names import operators_topic
from deploy.stack.parts import Part, resource

TOPIC: str = "OperatorsTopic"
E_MAIL: str = "OperatorsEmail"
"""The parameter that takes an address; empty for nobody. A later deployment without one keeps it."""

HAS_E_MAIL: str = "HasOperatorsEmail"


def parameters() -> dict[str, Any]:
    """Return the parameters that this part asks for."""
    return {
        E_MAIL: {
            "Type": "String",
            "Default": "",
            "NoEcho": True,
            "Description": "Who is written to when an alarm goes off; empty for nobody.",
            "AllowedPattern": r"^$|^[^@\s]+@[^@\s]+\.[^@\s]+$",
        }
    }


def conditions() -> dict[str, Any]:
    """Return the conditions that this part goes by."""
    return {HAS_E_MAIL: {"Fn::Not": [{"Fn::Equals": [{"Ref": E_MAIL}, ""]}]}}


def operators(settings: Settings) -> Part:
    """Return the topic with its policy and subscription.

    It is not encrypted at rest: CloudWatch and Budgets cannot use the key that AWS keeps for SNS, and a key of our own
    costs more than the rest of an idle stage. What it carries is names of alarms and figures, of nobody.
    """
    return {
        TOPIC: resource("AWS::SNS::Topic", {"TopicName": operators_topic(settings.stage)}),
        "OperatorsTopicPolicy": resource(
            "AWS::SNS::TopicPolicy", {"Topics": [{"Ref": TOPIC}], "PolicyDocument": _policy(settings)}
        ),
        "OperatorsSubscription": resource(
            "AWS::SNS::Subscription",
            {"TopicArn": {"Ref": TOPIC}, "Protocol": "email", "Endpoint": {"Ref": E_MAIL}},
            Condition=HAS_E_MAIL,
        ),
    }


def budget(settings: Settings, dollars: int) -> Part:
    """Return a budget for what the account costs a month, and whom to tell: at four fifths, when it is spent, and when
    AWS forecasts that it will be.

    The account's, not the stage's: costs can be told apart by tags, but only after somebody has turned the tag on in
    the billing console; a budget by a tag that is off sees nothing and never speaks.
    """
    spent = {"CostTypes": {"IncludeCredit": False, "IncludeRefund": False}}
    notices = [("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)]
    return {
        "MonthlyBudget": resource(
            "AWS::Budgets::Budget",
            {
                "Budget": {
                    "BudgetName": f"{operators_topic(settings.stage)}-monthly",
                    "BudgetType": "COST",
                    "TimeUnit": "MONTHLY",
                    "BudgetLimit": {"Amount": dollars, "Unit": "USD"},
                    **spent,
                },
                "NotificationsWithSubscribers": [_notice(kind, percent) for kind, percent in notices],
            },
            DependsOn="OperatorsTopicPolicy",
        )
    }


def _notice(kind: str, percent: int) -> dict[str, Any]:
    return {
        "Notification": {
            "NotificationType": kind,
            "ComparisonOperator": "GREATER_THAN",
            "Threshold": percent,
            "ThresholdType": "PERCENTAGE",
        },
        "Subscribers": [{"SubscriptionType": "SNS", "Address": {"Ref": TOPIC}}],
    }


def _policy(settings: Settings) -> dict[str, Any]:
    """Alarms and the budget of this account may publish, and nobody in the clear."""
    own = {"StringEquals": {"aws:SourceAccount": settings.account_id}}
    services = {"Alarms": "cloudwatch.amazonaws.com", "Budget": "budgets.amazonaws.com"}
    allowed = [
        {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sns:Publish",
            "Resource": {"Ref": TOPIC},
            "Condition": own,
        }
        for sid, service in services.items()
    ]
    refused = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sns:Publish",
        "Resource": {"Ref": TOPIC},
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [*allowed, refused]}
