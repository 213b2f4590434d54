"""What of the dependencies does not ship, as data with the reason; tests run what we use from what is left."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final

SERVICES: Final = ("bedrock-runtime", "dynamodb", "s3", "secretsmanager", "sqs")
"""The services of AWS that functions speak to; botocore brings descriptions of four hundred."""

LEFT_OUT: Final[Mapping[str, str]] = {
    "*.pyi": "types are for whoever writes code",
    "*/py.typed": "types are for whoever writes code",
    "*.pyx": "sources of what comes compiled",
    "*.pxd": "sources of what comes compiled",
    "*.c": "sources of what comes compiled",
    "*.h": "sources of what comes compiled",
    "bin/*": "commands for a terminal",
    "*/tests/*": "tests of others",
    ".lock": "uv's own",
    # Of each distribution its name, version and licence stay: whoever looks for known weaknesses reads them.
    "*.dist-info/RECORD": "paths and hashes of files that are changed here",
    "*.dist-info/INSTALLER": "who unpacked it",
    "*.dist-info/REQUESTED": "who asked for it",
    "*.dist-info/direct_url.json": "where it came from on the building machine",
    "*.dist-info/uv_*": "uv's own",
    "*.dist-info/entry_points.txt": "commands for a terminal",
    "*.dist-info/top_level.txt": "for installers",
    "*.dist-info/sboms/*": "a description of how the wheel was made",
    "aws_lambda_powertools/event_handler/*": "Chalice is our router",
    "aws_lambda_powertools/utilities/auth_alpha/*": "not used",
    "aws_lambda_powertools/utilities/batch/*": "not used",
    "aws_lambda_powertools/utilities/circuit_breaker/*": "we have our own",
    "aws_lambda_powertools/utilities/data_classes/*": "not used",
    "aws_lambda_powertools/utilities/data_masking/*": "not used",
    "aws_lambda_powertools/utilities/feature_flags/*": "not used",
    "aws_lambda_powertools/utilities/idempotency/*": "not used",
    "aws_lambda_powertools/utilities/kafka/*": "not used",
    "aws_lambda_powertools/utilities/parameters/*": "not used",
    "aws_lambda_powertools/utilities/parser/*": "not used",
    "aws_lambda_powertools/utilities/streaming/*": "not used",
    "aws_lambda_powertools/utilities/validation/*": "not used",
    "boto3/data/*": "resources; clients alone are used",
    "boto3/examples/*": "documentation",
    "botocore/data/*/examples-1.json": "documentation",
    # The compiled `_cffi_backend`, which cryptography loads, stays.
    "cffi/*": "compiles bindings, which come compiled",
    "pycparser/*": "reads C for cffi",
    "PIL/_avif.*": "pictures are JPEG or PNG",
    "PIL/_imagingcms.*": "no colour profiles are applied",
    "PIL/_imagingft.*": "nothing is written into pictures",
    "PIL/_imagingtk.*": "there is no screen",
    "PIL/_webp.*": "pictures are JPEG or PNG",
    "pillow.libs/libavif-*": "for _avif",
    "pillow.libs/libbrotli*": "for _imagingft",
    "pillow.libs/libfreetype-*": "for _imagingft",
    "pillow.libs/libharfbuzz-*": "for _imagingft",
    "pillow.libs/liblcms2-*": "for _imagingcms",
    "pillow.libs/libpng16-*": "for _imagingft; PNG is read by Pillow itself",
    "pillow.libs/libsharpyuv-*": "for _webp",
    "pillow.libs/libwebp*": "for _webp",
    "pypdfium2_cli/*": "commands for a terminal",
    "reportlab/fonts/*": "reports are set in a font of ours",
    "reportlab/graphics/barcode/*": "reports have no barcodes",
    "reportlab/graphics/charts/*": "our plots are drawn from lines",
    "reportlab/graphics/samples/*": "documentation",
    "stripe/events/*": "what Stripe sends is read by ourselves",
    "stripe/issuing/*": "a product of Stripe's that we do not use",
    "stripe/params/*": "types of what is sent, for whoever writes code",
    "stripe/terminal/*": "a product of Stripe's that we do not use",
    "stripe/test_helpers/*": "for tests against Stripe",
    "stripe/treasury/*": "a product of Stripe's that we do not use",
    "stripe/v2/money_management/*": "a product of Stripe's that we do not use",
}
"""Patterns of paths. What looks unused but is imported by its neighbours stays: a wheel is not ours to take apart."""

FROM_LAMBDA: Final = ("boto3", "botocore", "s3transfer", "jmespath", "python_dateutil", "six", "urllib3")
"""Distributions that Lambda's runtime brings too, in a version of its own choosing and time. Ours ship: what was tested
is what runs, and without the descriptions of services that nobody asks they cost 5 MB instead of 23."""


def is_kept(path: str) -> bool:
    """Whether a file of the dependencies ships; `path` is the one in the package, with slashes."""
    parts = path.split("/")
    if parts[:2] == ["botocore", "data"] and len(parts) > 3 and parts[2] not in SERVICES:
        return False
    return not any(fnmatchcase(path, pattern) for pattern in LEFT_OUT)
