"""Run by an interpreter of a runtime, with an unpacked package alone on its path: uses what the service uses of it.

`python -I -S -B use_package.py <package> <document>`; prints what was used, as JSON.
"""

import ast
import importlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

# What reads photographs without a model, where somebody installed it; it is larger than Lambda takes.
NOT_SHIPPED = {"numpy", "rapidocr"}


def main(package: str, document: str) -> None:
    sys.path.insert(0, package)
    os.environ.update(
        {
            "SERENYA_STAGE": "dev",
            "SERENYA_ACCOUNT_ID": "000000000000",
            "SERENYA_REGION": "eu-central-1",
            "GOOGLE_CLIENT_IDS": "google",
            "APPLE_CLIENT_IDS": "apple",
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
        }
    )
    used = {
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "modules": _import_everything(Path(package)),
        "health": _health(),
        "services": _services(),
        "inspected": _inspected(document),
        "pictures": _pictures(),
        "signatures": _signatures(),
        "pages": _pages(document),
    }
    outside = [
        name for name, module in sys.modules.items() if "site-packages" in (getattr(module, "__file__", "") or "")
    ]
    assert not outside, outside
    print(json.dumps(used))


def _import_everything(package: Path) -> int:
    """Import our modules, and whatever they import when they are called."""
    names = set()
    for path in sorted((package / "chalicelib").rglob("*.py")):
        module = ".".join(path.relative_to(package).with_suffix("").parts)
        names.add(module.removesuffix(".__init__"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
                node.test = ast.Constant(value=False)
                for inner in ast.walk(node):
                    if isinstance(inner, ast.ImportFrom):
                        inner.module = None
                    if isinstance(inner, ast.Import):
                        inner.names = []
            elif isinstance(node, ast.Import):
                names |= {one.name for one in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module)
    started = {name for name in names if name.endswith(("_child", ".child"))}
    for name in sorted(names - started - NOT_SHIPPED):
        importlib.import_module(name)
    return len(names)


def _health() -> str:
    app = importlib.import_module("app").app
    event = {
        "requestContext": {
            "httpMethod": "GET",
            "resourcePath": "/health",
            "path": "/health",
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "headers": {},
        "pathParameters": {},
        "multiValueQueryStringParameters": None,
        "stageVariables": {},
        "body": None,
        "isBase64Encoded": False,
    }
    answer: dict[str, Any] = app(event, None)
    return str(json.loads(answer["body"])["status"])


def _services() -> list[str]:
    boto3 = importlib.import_module("boto3")
    names = ("bedrock-runtime", "dynamodb", "s3", "secretsmanager", "sqs")
    return [boto3.client(name, region_name="eu-central-1").meta.service_model.service_name for name in names]


def _inspected(document: str) -> bool:
    """In the confined child, which has the package alone, too."""
    inspection = importlib.import_module("chalicelib.documents.inspection")
    kinds = importlib.import_module("chalicelib.gateways.analyst.findings")
    verdict = inspection._examine(kinds.FileType.PDF, Path(document).read_bytes(), inspection.InspectionLimits())
    return verdict.refusal is None


def _pictures() -> list[str]:
    image = importlib.import_module("PIL.Image")
    read = []
    for kind in ("JPEG", "PNG"):
        written = io.BytesIO()
        image.new("RGB", (20, 10), "white").save(written, kind)
        again = image.open(io.BytesIO(written.getvalue()))
        again.load()
        read.append(again.format)
    return read


def _signatures() -> str:
    ec = importlib.import_module("cryptography.hazmat.primitives.asymmetric.ec")
    jwt = importlib.import_module("jwt")
    importlib.import_module("OpenSSL.crypto").X509Store()
    key = ec.generate_private_key(ec.SECP256R1())
    token = jwt.encode({"sub": "somebody"}, key, algorithm="ES256")
    return str(jwt.decode(token, key.public_key(), algorithms=["ES256"])["sub"])


def _pages(document: str) -> list[int]:
    pdfium = importlib.import_module("pypdfium2")
    pypdf = importlib.import_module("pypdf")
    opened = pdfium.PdfDocument(document)
    opened[0].render(scale=0.2).to_pil()
    return [len(opened), len(pypdf.PdfReader(document).pages)]


if __name__ == "__main__":
    main(*sys.argv[1:])
