"""Where the defects of legacy data are: one query for each, which only reads and gives the ids of the rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from chalicelib.migration.serenya.columns import OF_PEOPLE
from chalicelib.migration.serenya.preflight_kinds import DefectKind

LONGEST_NAME: Final = 900
"""Bytes of a text that becomes part of a sort key, which holds 1,024."""
_FIRST_YEAR, _LAST_YEAR = "1000-01-01 00:00:00+00", "10000-01-01 00:00:00+00"


@dataclass(frozen=True, slots=True)
class Check:
    """A query for defects of a kind: it gives an array of row ids, and the column, for each. It reads `table`, and the
    tables `beside` it."""

    kind: DefectKind
    table: str
    sql: str
    beside: tuple[str, ...] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        """Every table that it reads."""
        return (self.table, *self.beside)


def _single(kind: DefectKind, table: str, condition: str, column: str = "", beside: tuple[str, ...] = ()) -> Check:
    sql = f"SELECT ARRAY[one.id::text], '{column}' FROM {table} AS one WHERE {condition}"  # noqa: S608  # declared here
    return Check(kind, table, sql, beside)


def _several(kind: DefectKind, table: str, condition: str) -> Check:
    """More than one active row of one person."""
    sql = (
        f"SELECT array_agg(id::text ORDER BY id::text), '' FROM {table} WHERE {condition} "  # noqa: S608  # declared here
        "GROUP BY user_id HAVING count(*) > 1"
    )
    return Check(kind, table, sql)


def _of_columns(kind: DefectKind, table: str, columns: Sequence[str], condition: str) -> Check:
    """The same question of several columns of a table, in one reading; `said` is the value."""
    values = ", ".join(f"('{column}', one.\"{column}\")" for column in columns)
    sql = (
        f"SELECT ARRAY[one.id::text], value.name FROM {table} AS one "  # noqa: S608  # names come from the schema
        f"CROSS JOIN LATERAL (VALUES {values}) AS value (name, said) WHERE {condition}"
    )
    return Check(kind, table, sql)


_NO_DEVICE: Final = "NOT EXISTS (SELECT FROM user_devices AS held WHERE held.id = one.device_id)"
_NAMES: Final = {
    "users": ("external_id", "name"),
    "consent_records": ("consent_version",),
    "user_devices": ("device_id", "platform"),
    "user_sessions": ("session_id", "refresh_token_hash"),
    "biometric_registrations": ("registration_id",),
    "subscriptions": ("external_subscription_id",),
    "payments": ("provider_transaction_id",),
    "processing_jobs": ("job_id",),
}
"""Texts without which a row says nothing, or that become part of a key."""

CHECKS: Final[tuple[Check, ...]] = (
    _single(DefectKind.FACEBOOK_USER, "users", "auth_provider = 'facebook'"),
    _single(DefectKind.SESSION_WITHOUT_DEVICE, "user_sessions", _NO_DEVICE, "device_id", ("user_devices",)),
    _single(DefectKind.BIOMETRIC_WITHOUT_DEVICE, "biometric_registrations", _NO_DEVICE, "device_id", ("user_devices",)),
    # A column that may be NULL means its default then.
    _several(
        DefectKind.SEVERAL_SESSIONS, "user_sessions", "coalesce(status, 'active') = 'active' AND expires_at > now()"
    ),
    _several(DefectKind.SEVERAL_DEVICES, "user_devices", "coalesce(status, 'active') = 'active'"),
    _several(DefectKind.SEVERAL_SUBSCRIPTIONS, "subscriptions", "subscription_status = 'active'"),
    Check(
        DefectKind.DUPLICATE_TRANSACTION,
        "payments",
        "SELECT array_agg(paid.id::text ORDER BY paid.id::text), '' FROM payments AS paid "
        "LEFT JOIN subscriptions AS held ON held.id = paid.subscription_id "
        "GROUP BY held.provider, paid.provider_transaction_id HAVING count(*) > 1",
        ("subscriptions",),
    ),
    _single(DefectKind.AMOUNT_UNFIT, "payments", "amount = 'NaN' OR amount < 0", "amount"),
    _single(DefectKind.AMOUNT_UNFIT, "payments", "currency::text !~ '^[A-Z]{3}$'", "currency"),
    *(
        _of_columns(
            DefectKind.TEXT_UNFIT,
            table,
            names,
            f"btrim(value.said, E' \\t\\r\\n') = '' OR octet_length(value.said) > {LONGEST_NAME}",
        )
        for table, names in _NAMES.items()
        if table != "users"
    ),
    _single(DefectKind.TEXT_UNFIT, "users", "btrim(external_id, E' \\t\\r\\n') = ''", "external_id"),
    _single(DefectKind.TEXT_UNFIT, "users", "btrim(name, E' \\t\\r\\n') = ''", "name"),
    _single(
        DefectKind.UNFINISHED_JOB,
        "processing_jobs",
        "coalesce(status, 'uploaded') IN ('uploaded','processing','retrying')",
    ),
)
"""What is asked whatever the schema says. Ids that are texts of two columns are judged together."""

COLUMNS_SQL: Final = """
SELECT table_name, column_name, data_type = 'timestamp with time zone',
       is_nullable = 'YES' AND column_default IS NOT NULL
       AND (data_type = 'timestamp with time zone' OR column_name ~ 'status$')
FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position
"""
"""Table, column, whether it is an instant, and whether its NULL is a value that somebody forgot."""


def of_schema(columns: Sequence[tuple[str, str, bool, bool]]) -> Iterator[Check]:
    """Yield the checks of every instant, and of every NULL where a value belongs, as the schema has them now."""
    for table in (*OF_PEOPLE, "processing_job_events"):
        own = [row for row in columns if row[0] == table]
        if instants := [row[1] for row in own if row[2]]:
            yield _of_columns(
                DefectKind.INSTANT_UNFIT,
                table,
                instants,
                f"NOT isfinite(value.said) OR value.said < '{_FIRST_YEAR}' OR value.said >= '{_LAST_YEAR}'",
            )
        for column in (row[1] for row in own if row[3]):
            yield _single(DefectKind.NULL_VALUE, table, f'one."{column}" IS NULL', column)


HIDING_SQL: Final = """
SELECT relname, row_security_active(oid), has_table_privilege(oid, 'SELECT'), greatest(reltuples, 0)::bigint
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY relname
"""
"""Table, whether row-level security hides rows from us, whether we may read it, and how many rows it has, about."""
NOBODY: Final = "SELECT set_config('app.current_user_id', '00000000-0000-0000-0000-000000000000', true)"
"""Without it the policies do not hide rows: they fail."""
LARGE_SQL: Final = " UNION ALL ".join(
    f"SELECT {owner} AS owner, octet_length(one::text) AS size FROM {source}"  # noqa: S608  # declared here
    for owner, source in (
        ("one.id", "users AS one"),
        *(
            (f"one.{'user_id'}", f"{table} AS one")
            for table in OF_PEOPLE
            if table not in {"users", "biometric_registrations"}
        ),
        ("held.user_id", "biometric_registrations AS one JOIN user_devices AS held ON held.id = one.device_id"),
    )
)
"""The owner and the size of every row, as text: an item of nobody whose rows are small can be large."""
