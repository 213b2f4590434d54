"""The reader as a process of its own: an Order on standard input, an Answer on standard output.

Run as `python -m chalicelib.gateways.analyst.local.child`, so that a hostile file can hurt nothing but this process.
"""

from __future__ import annotations

import sys

import msgspec

from chalicelib.gateways.analyst.local.exchange import Order, answer


def main() -> None:
    """Read one order, write one answer."""
    order = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Order)
    sys.stdout.buffer.write(msgspec.msgpack.encode(answer(order)))


if __name__ == "__main__":
    main()
