"""Connections to PostgreSQL that are kept and lent out, one to each caller at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from chalicelib import errors
from chalicelib.migration.postgres import Connection, Cursor, Isolation, is_unreachable, transaction

_LONGEST_SILENCE: Final = "SET idle_in_transaction_session_timeout = '10s'"
"""PostgreSQL ends the transaction of who fell silent in it, such as a function that was frozen: it holds locks."""


class Pool:
    """Lends connections, opens more when all are lent, and forgets those that broke."""

    def __init__(self, connect: Callable[[], Connection], most_kept: int = 8) -> None:
        self._connect, self._most_kept = connect, most_kept
        self._idle: list[Connection] = []
        self._lock = threading.Lock()

    @contextmanager
    def lend(self) -> Iterator[Connection]:
        """Lend a connection. One that fails in any way but PostgreSQL's own refusal of a statement is hung up.

        Raises:
            Unavailable: nobody answers, or the connection broke.
        """
        try:
            connection = self._taken() or self._opened()
        except Exception as failure:
            if is_unreachable(failure):
                raise errors.Unavailable(message="PostgreSQL does not answer.") from failure
            raise
        try:
            yield connection
        except BaseException as failure:
            connection.close()
            if isinstance(failure, Exception) and is_unreachable(failure):
                raise errors.Unavailable(message="PostgreSQL does not answer any more.") from failure
            raise
        self._give_back(connection)

    @contextmanager
    def transaction(
        self, isolation: Isolation = Isolation.READ_COMMITTED, *, is_read_only: bool = False
    ) -> Iterator[Cursor]:
        """Lend a connection for one transaction.

        Raises:
            Unavailable: nobody answers, or the connection broke.
        """
        with self.lend() as connection, transaction(connection, isolation, is_read_only=is_read_only) as cursor:
            yield cursor

    def close(self) -> None:
        """Hang up what is not lent."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _opened(self) -> Connection:
        connection = self._connect()
        connection.cursor().execute(_LONGEST_SILENCE)
        return connection

    def _taken(self) -> Connection | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            if len(self._idle) < self._most_kept:
                self._idle.append(connection)
                return
        connection.close()
