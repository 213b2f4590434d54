"""A PostgreSQL server that lives as long as a `with` block, and databases on it that start as copies of a template."""

from __future__ import annotations

import os
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dev.children import Children, wait_until
from dev.legacy.postgres_child import PORT

if TYPE_CHECKING:
    import psycopg

DSN_VARIABLE: Final = "LEGACY_SERVER_DSN"
"""Names a running server to use instead of starting one; its user must be a superuser."""
TEMPLATE: Final = "legacy_template"
SCHEMA: Final = Path(__file__).with_name("schema.sql")
ROLES: Final = Path(__file__).with_name("roles.sql")
READER: Final = "legacy_reader"
"""A role that may read every table and owns none: row-level security hides rows from it."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, by the address of one of its databases."""

    dsn: str

    def address(self, database: str, user: str | None = None) -> str:
        """Return the address of another database on it, as its superuser or as somebody else."""
        from psycopg.conninfo import conninfo_to_dict

        parts = conninfo_to_dict(self.dsn)
        host, port = str(parts.get("host", "")), parts.get("port")
        who = user or str(parts.get("user", "postgres"))
        password = f":{parts['password']}" if parts.get("password") and user is None else ""
        if host.startswith("/"):
            return f"postgresql://{who}{password}@/{database}?host={host}" + (f"&port={port}" if port else "")
        return f"postgresql://{who}{password}@{host or 'localhost'}:{port or PORT}/{database}"

    def connect(self) -> psycopg.Connection:
        """Return a connection of the superuser that commits by itself."""
        import psycopg

        return psycopg.connect(self.dsn, autocommit=True)

    def make_roles(self) -> None:
        """Make the roles that the schema's grants name; they belong to the server. Safe to run twice."""
        with self.connect() as connection:
            connection.execute(ROLES.read_bytes())


@dataclass(frozen=True, slots=True)
class LegacyDatabase:
    """A database with the legacy schema: its address for its owner, and for a reader who owns nothing."""

    dsn: str
    reader_dsn: str


@contextmanager
def legacy_server(folder: Path | None = None) -> Iterator[Server]:
    """Start PostgreSQL on a Unix socket, yield it, and stop it; it ends with this process at the latest. With a folder
    its data stays there for the next time. Where `LEGACY_SERVER_DSN` names a running server, that is used.

    Raises:
        ChildEndedError: it did not start; the text has the end of its log.
    """
    if os.environ.get(DSN_VARIABLE):
        yield Server(os.environ[DSN_VARIABLE])
        return
    children = Children()
    # Short, because a socket's path has room for about 100 bytes.
    with tempfile.TemporaryDirectory(prefix="serenya-pg-", ignore_cleanup_errors=True) as temporary:
        place = folder or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        server = Server(f"postgresql://postgres@/postgres?host={place.resolve()}")
        try:
            child = children.start(
                "PostgreSQL",
                Path(sys.executable),
                ["dev.legacy.postgres_child", str(place.resolve())],
                log=place / "postgres.log",
                grace_seconds=10,
            )
            wait_until(lambda: _answers(server), child, "The start of PostgreSQL", seconds=60)
            yield server
        finally:
            children.stop()


def make_template(server: Server, name: str = TEMPLATE) -> None:
    """Make a database with the legacy schema and without rows, of which others are copies."""
    import psycopg

    server.make_roles()
    with server.connect() as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
    with psycopg.connect(server.address(name)) as connection:
        connection.execute(SCHEMA.read_bytes())


@contextmanager
def legacy_database(server: Server, template: str = TEMPLATE, name: str | None = None) -> Iterator[LegacyDatabase]:
    """Yield a fresh database that is a copy of a template (some 30 ms), and drop it, whoever is still connected."""
    name = name or f"legacy_{uuid.uuid4().hex}"
    with server.connect() as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield LegacyDatabase(dsn=server.address(name), reader_dsn=server.address(name, READER))
    finally:
        with server.connect() as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _answers(server: Server) -> bool:
    import psycopg

    try:
        server.connect().close()
    except psycopg.OperationalError:
        return False
    return True
