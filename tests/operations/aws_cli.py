"""A small `aws`: the commands of the operators' page become calls, by the service models that the real one goes by.

It knows operations, options and their types from botocore's models, so that an option that AWS does not have is
refused here as well; of `--query` and `--output` it knows what the page uses. The real one is not among the packages,
because it pins another botocore.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import boto3
import jmespath  # type: ignore[import-untyped]  # botocore brings it, without types
from botocore import xform_name
from botocore.model import OperationModel, Shape, StructureShape
from botocore.session import Session


def main(arguments: list[str]) -> int:
    """Run one command; 2 for one that cannot be meant, as the real one."""
    service, command, *rest = arguments
    waiter = rest.pop(0) if command == "wait" else None
    operation = find_operation(service, command, waiter)
    if operation is None:
        return _refuse(f"{service} has no command {command} {waiter or ''}")
    shape = operation.input_shape
    # What streams goes to a file, which is the last word and belongs to no option.
    outfile = rest.pop() if operation.has_streaming_output else None
    given = _read(rest)
    query, output = given.pop("query", [""])[0], given.pop("output", ["json"])[0]
    sent = {}
    for option, values in given.items():
        members = {xform_name(name, "-"): name for name in shape.members} if isinstance(shape, StructureShape) else {}
        is_negated = option.startswith("no-") and option.removeprefix("no-") in members
        name = members.get(option.removeprefix("no-") if is_negated else option)
        if name is None or shape is None:
            return _refuse(f"{service} {command} has no option --{option}")
        sent[name] = False if is_negated else _value(shape.members[name], values)
    if os.environ.get("AWS_CLI_CHECKS_ONLY"):
        missing = set(getattr(shape, "required_members", ())) - set(sent)
        return _refuse(f"{service} {command} wants {', '.join(sorted(missing))}") if missing else 0
    client: Any = boto3.client(service)  # type: ignore[call-overload]  # whichever service was named
    if waiter is not None:
        client.get_waiter(waiter.replace("-", "_")).wait(**sent)
        return 0
    answer = getattr(client, xform_name(operation.name))(**sent)
    answer.pop("ResponseMetadata", None)
    return _print(answer, query, output, outfile)


def find_operation(service: str, command: str, waiter: str | None = None) -> OperationModel | None:
    """Return what a command calls, that of `wait` what its waiter asks again and again; None for one that is not."""
    session = Session()
    model = session.get_service_model(service)
    if command == "wait":
        waiters = session.get_waiter_model(service)
        names = {xform_name(name, "-"): waiters.get_waiter(name).operation for name in waiters.waiter_names}
        return model.operation_model(names[waiter]) if waiter in names else None
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    return model.operation_model(operations[command]) if command in operations else None


def _read(rest: list[str]) -> dict[str, list[str]]:
    """Take a command line apart: options, each with its values."""
    given: dict[str, list[str]] = {}
    values: list[str] = []
    for word in rest:
        if word.startswith("--"):
            values = given[word.removeprefix("--")] = []
        else:
            values.append(word)
    return given


def _value(shape: Shape, values: list[str]) -> Any:
    if shape.type_name == "boolean":
        return True
    if len(values) == 1 and values[0].startswith("file://"):
        values = [Path(values[0].removeprefix("file://")).read_text(encoding="utf-8")]
    if shape.type_name in {"integer", "long"}:
        return int(values[0])
    if shape.type_name in {"structure", "map"}:
        return (
            json.loads(values[0])
            if values[0].startswith("{")
            else dict(one.split("=", 1) for one in values[0].split(","))
        )
    if shape.type_name == "list":
        return json.loads(values[0]) if values and values[0].startswith("[") else values
    return values[0]


def _print(answer: Any, query: str, output: str, outfile: str | None) -> int:
    if outfile is not None and "Payload" in answer:
        with Path(outfile).open("wb") as target:
            shutil.copyfileobj(answer.pop("Payload"), target)
    found = jmespath.search(query, answer) if query else answer
    if output == "text":
        print("None" if found is None else "\t".join(found) if isinstance(found, list) else found)
    else:
        print(json.dumps(found, indent=4, default=str))
    return 0


def _refuse(reason: str) -> int:
    print(f"aws: {reason}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
