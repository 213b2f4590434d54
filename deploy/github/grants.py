"""What planning and deploying a stage ask of an account: actions, by the part of it that they are restricted to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from chalicelib.config import APP_NAME, Settings
from deploy.release.names import stack_name


class Grant(NamedTuple):
    """Some actions on some resources: what a plan asks (`reads`), and what a deployment asks besides (`writes`).

    Resources are written for one stage; `${AWS::AccountId}` stands for the account. `condition` restricts further.
    """

    sid: str
    resources: tuple[str, ...]
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    condition: Mapping[str, Mapping[str, str]] | None = None


_ANY: Final = ("*",)
_ACCOUNT: Final = "${AWS::AccountId}"


def grants(settings: Settings) -> Iterator[Grant]:
    """Yield everything that a stage's plan and deployment ask."""
    yield from _stack(settings)
    yield from _data(settings)
    yield from _watching(settings)
    yield from _code(settings)
    yield from _gateway(settings)


def _arn(settings: Settings, service: str, rest: str) -> str:
    return f"arn:aws:{service}:{settings.region}:{_ACCOUNT}:{rest}"


def _passed_to(service: str) -> Mapping[str, Mapping[str, str]]:
    return {"StringEquals": {"iam:PassedToService": f"{service}.amazonaws.com"}}


def _stack(settings: Settings) -> Iterator[Grant]:
    """A change set is made to be looked at; what it would do, it does with the rest of these permissions."""
    yield Grant(
        "Stack",
        (_arn(settings, "cloudformation", f"stack/{stack_name(settings.stage)}/*"),),
        reads=(
            "cloudformation:CreateChangeSet",
            "cloudformation:DeleteChangeSet",
            "cloudformation:DescribeChangeSet",
            "cloudformation:DescribeEvents",
            "cloudformation:DescribeStackEvents",
            "cloudformation:DescribeStacks",
            "cloudformation:GetTemplate",
            "cloudformation:ListStackResources",
            # A change set carries the tags of its stack.
            "cloudformation:TagResource",
        ),
        writes=(
            "cloudformation:DeleteStack",
            "cloudformation:ExecuteChangeSet",
            "cloudformation:UpdateTerminationProtection",
        ),
    )


def _data(settings: Settings) -> Iterator[Grant]:
    """What holds something: the table, the bucket, queues and secrets."""
    yield Grant(
        "Table",
        (_arn(settings, "dynamodb", f"table/{settings.table_name}"),),
        reads=(
            "dynamodb:DescribeContinuousBackups",
            "dynamodb:DescribeContributorInsights",
            "dynamodb:DescribeKinesisStreamingDestination",
            "dynamodb:DescribeTable",
            "dynamodb:DescribeTimeToLive",
            "dynamodb:GetResourcePolicy",
            "dynamodb:ListTagsOfResource",
        ),
        writes=(
            "dynamodb:CreateTable",
            "dynamodb:DeleteTable",
            "dynamodb:TagResource",
            "dynamodb:UntagResource",
            "dynamodb:UpdateContinuousBackups",
            "dynamodb:UpdateContributorInsights",
            "dynamodb:UpdateTable",
            "dynamodb:UpdateTimeToLive",
        ),
    )
    yield Grant("Bucket", (f"arn:aws:s3:::{APP_NAME}-{settings.stage}-documents-{_ACCOUNT}",), _BUCKET_READS, _BUCKET)
    yield Grant(
        "Objects",
        (f"arn:aws:s3:::{APP_NAME}-{settings.stage}-documents-{_ACCOUNT}/*",),
        writes=("s3:DeleteObject", "s3:DeleteObjectVersion"),
    )
    yield Grant(
        "Queues",
        (_arn(settings, "sqs", f"{APP_NAME}-{settings.stage}-*"),),
        reads=("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"),
        writes=("sqs:CreateQueue", "sqs:DeleteQueue", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"),
    )
    yield Grant(
        "Secrets",
        (_arn(settings, "secretsmanager", f"secret:{APP_NAME}/{settings.stage}/*"),),
        reads=("secretsmanager:DescribeSecret",),
        # A first key is drawn once, and what an operator fills is looked at: whether it is there, and readable.
        writes=(
            "secretsmanager:CreateSecret",
            "secretsmanager:DeleteSecret",
            "secretsmanager:GetSecretValue",
            "secretsmanager:PutSecretValue",
            "secretsmanager:TagResource",
            "secretsmanager:UntagResource",
            "secretsmanager:UpdateSecret",
        ),
    )


_BUCKET_READS: Final = (
    "s3:GetAccelerateConfiguration",
    "s3:GetAnalyticsConfiguration",
    "s3:GetBucketAbac",
    "s3:GetBucketCORS",
    "s3:GetBucketLogging",
    "s3:GetBucketMetadataTableConfiguration",
    "s3:GetBucketNotification",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketPolicy",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketTagging",
    "s3:GetBucketVersioning",
    "s3:GetBucketWebsite",
    "s3:GetEncryptionConfiguration",
    "s3:GetIntelligentTieringConfiguration",
    "s3:GetInventoryConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetMetricsConfiguration",
    "s3:GetReplicationConfiguration",
    "s3:ListBucket",
    "s3:ListTagsForResource",
)
"""CloudFormation reads all of a bucket, whatever of it is declared."""
_BUCKET: Final = (
    "s3:CreateBucket",
    "s3:DeleteBucket",
    "s3:DeleteBucketPolicy",
    "s3:ListBucketVersions",
    "s3:PutBucketCORS",
    "s3:PutBucketNotification",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketTagging",
    "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:TagResource",
    "s3:UntagResource",
)


def _watching(settings: Settings) -> Iterator[Grant]:
    """Logs, alarms, dashboards, whom they tell, and the budget."""
    named = f"{APP_NAME}-{settings.stage}"
    groups = (f"log-group:/aws/lambda/{named}*", f"log-group:/aws/apigateway/{named}*")
    yield Grant(
        "Logs",
        tuple(_arn(settings, "logs", group) for group in groups),
        reads=("logs:DescribeIndexPolicies", "logs:GetDataProtectionPolicy", "logs:ListTagsForResource"),
        writes=(
            "logs:CreateLogGroup",
            "logs:DeleteLogGroup",
            "logs:DeleteRetentionPolicy",
            "logs:PutRetentionPolicy",
            "logs:TagResource",
            "logs:UntagResource",
        ),
    )
    yield Grant(
        "Operators",
        (_arn(settings, "sns", f"{named}-operators"),),
        reads=(
            "sns:GetDataProtectionPolicy",
            "sns:GetSubscriptionAttributes",
            "sns:GetTopicAttributes",
            "sns:ListSubscriptionsByTopic",
            "sns:ListTagsForResource",
        ),
        writes=(
            "sns:CreateTopic",
            "sns:DeleteTopic",
            "sns:SetSubscriptionAttributes",
            "sns:SetTopicAttributes",
            "sns:Subscribe",
            "sns:TagResource",
            "sns:Unsubscribe",
            "sns:UntagResource",
        ),
    )
    yield Grant(
        "Alarms",
        (_arn(settings, "cloudwatch", f"alarm:{named}-*"), f"arn:aws:cloudwatch::{_ACCOUNT}:dashboard/{named}-*"),
        reads=("cloudwatch:DescribeAlarms", "cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource"),
        writes=(
            "cloudwatch:DeleteAlarms",
            "cloudwatch:DeleteDashboards",
            "cloudwatch:PutDashboard",
            "cloudwatch:PutMetricAlarm",
            "cloudwatch:TagResource",
            "cloudwatch:UntagResource",
        ),
    )
    yield Grant(
        "Budget",
        (f"arn:aws:budgets::{_ACCOUNT}:budget/{named}-*",),
        reads=("budgets:ListTagsForResource", "budgets:ViewBudget"),
        writes=("budgets:ModifyBudget", "budgets:TagResource", "budgets:UntagResource"),
    )


def _code(settings: Settings) -> Iterator[Grant]:
    """Functions, their roles, and what sets them off."""
    named = f"{APP_NAME}-{settings.stage}"
    functions = tuple(_arn(settings, "lambda", f"function:{one}") for one in (named, f"{named}:*", f"{named}-*"))
    yield Grant(
        "Functions",
        functions,
        reads=(
            "lambda:GetAlias",
            "lambda:GetFunction",
            "lambda:GetFunctionConfiguration",
            "lambda:GetPolicy",
            "lambda:ListAliases",
            "lambda:ListTags",
            "lambda:ListVersionsByFunction",
        ),
        writes=_FUNCTIONS,
    )
    yield Grant(
        "Triggers",
        _ANY,
        writes=(
            "lambda:CreateEventSourceMapping",
            "lambda:DeleteEventSourceMapping",
            "lambda:UpdateEventSourceMapping",
        ),
        # A mapping has no name before it is made, and afterwards an id: it is known by its function.
        condition={"ArnLike": {"lambda:FunctionArn": _arn(settings, "lambda", f"function:{named}*")}},
    )
    yield Grant(
        "Schedules",
        (_arn(settings, "events", f"rule/{named}-*"),),
        reads=("events:DescribeRule", "events:ListTargetsByRule"),
        writes=("events:DeleteRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets"),
    )
    roles = (f"arn:aws:iam::{_ACCOUNT}:role/{named}-*",)
    yield Grant(
        "Roles",
        roles,
        reads=("iam:GetRole", "iam:GetRolePolicy", "iam:ListRolePolicies"),
        writes=(
            "iam:CreateRole",
            "iam:DeleteRole",
            "iam:DeleteRolePolicy",
            "iam:PutRolePolicy",
            "iam:UpdateAssumeRolePolicy",
        ),
    )
    yield Grant("PassedRoles", roles, writes=("iam:PassRole",), condition=_passed_to("lambda"))


_FUNCTIONS: Final = (
    "lambda:AddPermission",
    "lambda:CreateAlias",
    "lambda:CreateFunction",
    "lambda:DeleteAlias",
    "lambda:DeleteFunction",
    "lambda:DeleteFunctionConcurrency",
    "lambda:InvokeFunction",
    "lambda:PublishVersion",
    "lambda:PutFunctionConcurrency",
    "lambda:RemovePermission",
    "lambda:TagResource",
    "lambda:UntagResource",
    "lambda:UpdateAlias",
    "lambda:UpdateFunctionCode",
    "lambda:UpdateFunctionConfiguration",
)


def _gateway(settings: Settings) -> Iterator[Grant]:
    """The API, which is named by an id that nobody knows before; and what AWS restricts to nothing."""
    apis = f"arn:aws:apigateway:{settings.region}::/restapis"
    yield Grant("Api", (apis, f"{apis}/*"), ("apigateway:GET",), _METHODS)
    yield Grant(
        "ApiLogs",
        (f"arn:aws:apigateway:{settings.region}::/account", f"arn:aws:apigateway:{settings.region}::/tags/*"),
        ("apigateway:GET",),
        _METHODS,
    )
    writes_logs = (f"arn:aws:iam::{_ACCOUNT}:role/apigateway-writes-logs",)
    yield Grant("ApiLogsRole", writes_logs, ("iam:GetRole",), ("iam:AttachRolePolicy", "iam:CreateRole"))
    yield Grant("PassedApiLogsRole", writes_logs, writes=("iam:PassRole",), condition=_passed_to("apigateway"))
    yield Grant(
        "Unrestricted",
        _ANY,
        reads=(
            "cloudwatch:GetMetricData",
            "events:ListRules",
            "iam:ListRoles",
            "lambda:ListEventSourceMappings",
            "lambda:ListFunctions",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
        ),
        writes=(
            "lambda:GetEventSourceMapping",
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
        ),
    )


_METHODS: Final = ("apigateway:DELETE", "apigateway:PATCH", "apigateway:POST", "apigateway:PUT")
