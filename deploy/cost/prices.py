"""AWS's prices in dollars, as data: as known on their day; compare them with the pages named here when cents matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

D = Decimal
_MILLION: Final = D(1_000_000)
_THOUSAND: Final = D(1_000)


@dataclass(frozen=True, slots=True)
class Price:
    """What one of something costs, and how much of it every account has free each month, for ever (not for a year)."""

    dollars: Decimal
    free: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class PriceList:
    """One region's prices on a day, with AWS's page for each service."""

    region: str
    on: date
    prices: Mapping[str, Price]
    sources: tuple[str, ...]


EU_CENTRAL_1: Final = PriceList(
    region="eu-central-1",
    on=date(2026, 11, 21),
    prices={
        # Lambda: requests, and gigabyte-seconds by architecture; the free ones are shared by both.
        "lambda requests": Price(D("0.20") / _MILLION, free=_MILLION),
        "lambda GB-seconds x86_64": Price(D("0.0000166667"), free=D(400_000)),
        "lambda GB-seconds arm64": Price(D("0.0000133334"), free=D(400_000)),
        "api gateway requests": Price(D("3.70") / _MILLION),
        # On demand, since the price of November 2024; half of what it was before.
        "dynamodb write units": Price(D("0.7625") / _MILLION),
        "dynamodb read units": Price(D("0.1525") / _MILLION),
        "dynamodb GB-months": Price(D("0.306"), free=D(25)),
        "dynamodb backup GB-months": Price(D("0.2448")),
        "s3 writes and lists": Price(D("0.0054") / _THOUSAND),
        "s3 reads": Price(D("0.00043") / _THOUSAND),
        "s3 GB-months": Price(D("0.0245")),
        "sqs requests": Price(D("0.40") / _MILLION, free=_MILLION),
        "secrets": Price(D("0.40")),
        "secret reads": Price(D("0.05") / 10_000),
        "log GB": Price(D("0.63"), free=D(5)),
        "log GB-months": Price(D("0.0324"), free=D(5)),
        "metrics": Price(D("0.30"), free=D(10)),
        "alarm metrics": Price(D("0.10"), free=D(10)),
        "dashboards": Price(D("3.00"), free=D(3)),
        # A key of the account's own costs a dollar; the one that AWS keeps for DynamoDB costs its uses alone.
        "kms requests": Price(D("0.03") / 10_000, free=D(20_000)),
        "own keys": Price(D("1.00")),
        # Schedules and events of AWS services cost nothing.
        "event rules": Price(D(0)),
        "GB sent to people": Price(D("0.09"), free=D(100)),
    },
    sources=(
        "https://aws.amazon.com/lambda/pricing/",
        "https://aws.amazon.com/api-gateway/pricing/",
        "https://aws.amazon.com/dynamodb/pricing/on-demand/",
        "https://aws.amazon.com/s3/pricing/",
        "https://aws.amazon.com/sqs/pricing/",
        "https://aws.amazon.com/secrets-manager/pricing/",
        "https://aws.amazon.com/cloudwatch/pricing/",
        "https://aws.amazon.com/kms/pricing/",
        "https://aws.amazon.com/eventbridge/pricing/",
        "https://aws.amazon.com/ec2/pricing/on-demand/#Data_Transfer",
        "https://aws.amazon.com/free/?all-free-tier=*all&awsf.Free%20Tier%20Types=tier%23always-free",
    ),
)

LISTS: Final = {one.region: one for one in (EU_CENTRAL_1,)}

LEGACY_DOLLARS: Final = D(180)
"""What the service cost a month on PostgreSQL (RDS) in a VPC, without a user."""
