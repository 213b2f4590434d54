"""The child's side of inspection: reads a task and a file on standard input, writes a verdict to standard output."""

from __future__ import annotations

import sys

import msgspec

from chalicelib.documents.inspection_terms import Bounds, RefusedError, Task, Verdict


def main() -> None:
    """Answer the one task on standard input."""
    head, _, content = sys.stdin.buffer.read().partition(b"\n")
    verdict = judge(msgspec.json.decode(head, type=Task), content)
    sys.stdout.buffer.write(msgspec.json.encode(verdict))


def judge(task: Task, content: bytes) -> Verdict:
    """Return what is to be said about these bytes. Hostile bytes may crash, hang or exhaust the process instead."""
    try:
        return _examine(task.file_type, content, task.bounds)
    except RefusedError as refused:
        return Verdict(refusal=refused.refusal, found=refused.found, limit=refused.limit)


def _examine(file_type: str, content: bytes, bounds: Bounds) -> Verdict:
    if file_type == "pdf":
        from chalicelib.documents.inspection_pdf import examine_pdf

        return examine_pdf(content, bounds)
    from chalicelib.documents.inspection_picture import examine_picture

    return examine_picture(content, file_type, bounds)


if __name__ == "__main__":
    main()
