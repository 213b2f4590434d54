"""Connections to PostgreSQL: whichever driver is there, the same calls, and the same Python values."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

Row = tuple[Any, ...]

_READABLE: Final = {"json": 114, "cidr": 650, "inet": 869, "uuid": 2950, "jsonb": 3802}
"""Types that come out as PostgreSQL writes them (a text), by the number that PostgreSQL gives them."""
_TIMESTAMPTZ: Final = 1184
_EVER: Final = datetime.max.replace(tzinfo=UTC)
_NEVER: Final = datetime(1000, 1, 1, tzinfo=UTC)
"""Of four digits, as the years that the table holds."""
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_ENCRYPTED: Final = frozenset({"require", "verify-ca", "verify-full"})
_SYSTEM: Final = "system"
"""What libpq calls the certificates that the system trusts."""
_SESSION: Final = "SET TIME ZONE 'UTC'; SET datestyle TO 'ISO, MDY'; SET client_encoding TO 'UTF8'"


class UnprotectedDsn(ValueError):
    """A DSN over which others could read along, or answer in the database's place."""


class Isolation(StrEnum):
    """What a transaction sees of others."""

    READ_COMMITTED = "READ COMMITTED"
    REPEATABLE_READ = "REPEATABLE READ"
    SERIALIZABLE = "SERIALIZABLE"


class Cursor(Protocol):
    """What both drivers' cursors can do, as it is used here."""

    @property
    def rowcount(self) -> int:
        """How many rows the statement touched."""
        ...

    @property
    def description(self) -> Sequence[Any] | None:
        """Name first of each column; None where the statement gives no rows."""
        ...

    def execute(self, sql: Any, params: Any = ..., /) -> Any:
        """Run a statement; `%s` stands for a parameter, where there are any."""
        ...

    def fetchone(self) -> Any:
        """Return a row, or None."""
        ...

    def fetchall(self) -> Any:
        """Return all rows that are left."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Connection(Protocol):
    """What both drivers' connections can do, as it is used here. Outside `transaction` each statement commits itself.

    A connection belongs to one thread at a time.
    """

    def cursor(self) -> Any:
        """Return a new cursor."""
        ...

    def close(self) -> None:
        """Hang up; what was not committed is undone."""
        ...


def connect(dsn: str, *, driver: str | None = None, timeout_seconds: float = 10) -> Connection:
    """Return a connection to the database that a DSN names (`postgresql://…`, or `host=… dbname=…`).

    psycopg where it is installed, else pg8000, which ships; `driver` asks for one of the two. Either way a timestamptz
    is an aware instant in UTC (`infinity` the last there is), a numeric a `Decimal`, and uuid, inet, enumerations, json
    and jsonb are texts as PostgreSQL writes them. Parameters for jsonb columns are texts too (`%s::jsonb`), lists are
    arrays (`ANY(%s::uuid[])`).

    Raises:
        Exception: the database cannot be reached, or does not let us in; `is_unreachable` says which.
    """
    wanted = driver or ("psycopg" if _has_psycopg() else "pg8000")
    connection = _psycopg(dsn, timeout_seconds) if wanted == "psycopg" else _pg8000(dsn, timeout_seconds)
    connection.cursor().execute(_SESSION)
    return connection


def require_protected(dsn: str, *, is_checked: bool = True) -> None:
    """Check that what a DSN names is spoken to over TLS whose certificate is the named host's own
    (`sslmode=verify-full`), or without leaving this machine. libpq's other modes let somebody on the way answer
    instead: whoever gives up `is_checked` takes that, and still has it encrypted. Nothing of the DSN is in what is
    raised, because a password stands there.

    Raises:
        UnprotectedDsn: it is not.
    """
    named = _named(dsn)
    # Drivers differ in which of the two they ask, and in what they ask where there is none.
    hosts = ",".join(named[name] for name in ("host", "hostaddr") if name in named).split(",")
    stays_here = all(host in _LOOPBACK or host.startswith("/") for host in hosts)
    enough = {"verify-full"} if is_checked else _ENCRYPTED
    if not stays_here and named.get("sslmode") not in enough:
        raise UnprotectedDsn(
            "The DSN of the legacy database has to say sslmode=verify-full, with sslrootcert=system or a file that "
            "holds the certificate of who signed the database's: anything less can be read or answered by others."
        )


@contextmanager
def transaction(
    connection: Connection, isolation: Isolation = Isolation.READ_COMMITTED, *, is_read_only: bool = False
) -> Iterator[Cursor]:
    """Give a cursor whose statements count together or not at all."""
    cursor: Cursor = connection.cursor()
    cursor.execute(f"BEGIN ISOLATION LEVEL {isolation} {'READ ONLY' if is_read_only else 'READ WRITE'}")
    try:
        yield cursor
        cursor.execute("COMMIT")
    except BaseException:
        _undo(cursor)
        raise
    finally:
        cursor.close()


def rows(source: Connection | Cursor, sql: str, params: Sequence[Any] = ()) -> list[Row]:
    """Run a statement and return what it gives; nothing for a statement that gives no rows."""
    cursor: Cursor = source.cursor() if hasattr(source, "cursor") else source
    if params:
        cursor.execute(sql, tuple(params))
    else:
        cursor.execute(sql)
    return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


def sqlstate(failure: BaseException) -> str | None:
    """Return PostgreSQL's five characters for what went wrong; None where it was not PostgreSQL that said it."""
    state = getattr(failure, "sqlstate", None)
    if state is None and failure.args and isinstance(failure.args[0], dict):
        state = failure.args[0].get("C")
    return str(state) if state is not None else None


def is_conflict(failure: BaseException) -> bool:
    """Whether the same transaction may well succeed if it is tried again: a serialisation failure or a deadlock."""
    return sqlstate(failure) in {"40001", "40P01"}


def is_unreachable(failure: BaseException) -> bool:
    """Whether nobody answered, the connection broke, or the server is full or going down."""
    state = sqlstate(failure)
    if state is not None:
        return state[:2] in {"08", "53"} or state in {"57P01", "57P02", "57P03"}
    return isinstance(failure, OSError) or type(failure).__name__ in {"InterfaceError", "OperationalError"}


def read_instant(text: str) -> datetime:
    """Read a timestamptz as PostgreSQL writes it. What lies beyond the years of four digits is
    the nearest of them."""
    try:
        return max(datetime.fromisoformat(text).astimezone(UTC), _NEVER)
    except (ValueError, OverflowError):
        return _NEVER if text.endswith("BC") or text.startswith("-") else _EVER


def _has_psycopg() -> bool:
    from importlib.util import find_spec

    return find_spec("psycopg") is not None


def _psycopg(dsn: str, timeout_seconds: float) -> Connection:
    import psycopg
    from psycopg.adapt import Loader
    from psycopg.types.string import TextLoader

    class InstantLoader(Loader):
        """Reads a timestamptz out of text."""

        def load(self, data: Any) -> datetime:
            """Read it."""
            return read_instant(bytes(data).decode())

    connection = psycopg.connect(dsn, autocommit=True, connect_timeout=max(1, round(timeout_seconds)))
    for name in _READABLE:
        connection.adapters.register_loader(name, TextLoader)
    connection.adapters.register_loader("timestamptz", InstantLoader)
    return connection


def _pg8000(dsn: str, timeout_seconds: float) -> Connection:
    import pg8000.dbapi

    connection: Any = pg8000.dbapi.connect(**_arguments(dsn), timeout=timeout_seconds)
    # It is meant for connecting, as libpq means it; pg8000 leaves it on the socket, and a statement that takes longer
    # would look like a database that does not answer.
    connection._usock.settimeout(None)
    connection.autocommit = True
    for number in _READABLE.values():
        connection.register_in_adapter(number, str)
    connection.register_in_adapter(_TIMESTAMPTZ, read_instant)
    typed: Connection = connection
    return typed


def _arguments(dsn: str) -> dict[str, Any]:
    """Return what pg8000 wants for a DSN that libpq understands."""
    named = _named(dsn)
    arguments: dict[str, Any] = {
        "user": named.get("user", "postgres"),
        "password": named.get("password") or None,
        "database": named.get("dbname") or named.get("user", "postgres"),
    }
    host, port = named.get("host") or "localhost", int(named.get("port") or 5432)
    if host.startswith("/"):
        return arguments | {"unix_sock": f"{host}/.s.PGSQL.{port}"}
    return arguments | {"host": host, "port": port, "ssl_context": _tls(named)}


def _named(dsn: str) -> dict[str, str]:
    """Return what a DSN says, by libpq's names."""
    return _of_url(dsn) if "://" in dsn else dict(part.split("=", 1) for part in dsn.split())


def _of_url(dsn: str) -> dict[str, str]:
    parts = urlsplit(dsn)
    told = {
        "user": parts.username,
        "password": parts.password,
        "host": parts.hostname,
        "port": str(parts.port) if parts.port else None,
        "dbname": parts.path.lstrip("/"),
    }
    return {name: unquote(value) for name, value in told.items() if value} | dict(parse_qsl(parts.query))


def _tls(named: dict[str, str]) -> ssl.SSLContext | None:
    """Return how to speak TLS, by libpq's `sslmode`; None where it is not asked for."""
    mode = named.get("sslmode", "disable")
    if mode in {"disable", "allow", "prefer"}:
        return None
    roots = named.get("sslrootcert")
    context = ssl.create_default_context(cafile=None if roots == _SYSTEM else roots)
    if mode != "verify-full":
        context.check_hostname = False
    if mode == "require" and "sslrootcert" not in named:
        context.verify_mode = ssl.CERT_NONE
    return context


def _undo(cursor: Cursor) -> None:
    """Roll back; a connection that broke has rolled back by itself."""
    try:
        cursor.execute("ROLLBACK")
    except Exception as failure:
        if not is_unreachable(failure):
            raise
