"""Questions about consents: changed, shown with their history, and read whole to be checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.transactions import TransactWrite

from chalicelib.models import keys
from chalicelib.models.base import Item, shared_connection
from chalicelib.models.consent import ConsentEntryItem, RetainedChainItem
from chalicelib.models.keys import HistoryKind
from chalicelib.models.profile import ConsentChain, UserItem
from chalicelib.stores.consent_changes import ConsentChange, ledger_is_as_read, profile_actions, put_entries
from chalicelib.stores.failures import retried, translated
from chalicelib.stores.transactions import Cancelled, commit
from chalicelib.stores.users import caller_may_write

_PREFIX = f"{HistoryKind.CONSENT}#"


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """Some entries, newest first; `older_than` asks for the next ones, None if there are none."""

    entries: list[ConsentEntryItem]
    older_than: str | None


class ConsentStore:
    """Consents and their ledger. Every read is consistent."""

    def change(self, user_id: str, session_id: str, change: ConsentChange, at: datetime) -> bool:
        """Write a change to profile and ledger, both or neither. False if somebody else changed a consent since the
        profile was read, or the caller may not write: read again.

        Raises:
            Unavailable: the table does not answer.
        """
        key = keys.user_key(user_id)
        actions = [*profile_actions(change), UserItem.updated_at.set(at)]
        condition = caller_may_write(session_id) & ledger_is_as_read(change)

        def build(transaction: TransactWrite) -> None:
            put_entries(transaction, change)
            transaction.update(UserItem(key.pk, key.sk), actions=actions, condition=condition)

        try:
            commit(build)
        except Cancelled:
            return False
        return True

    def page(self, user_id: str, older_than: str | None, most: int) -> LedgerPage:
        """Return at most `most` entries of a ledger, newest first, from the newest or from a page's `older_than` on.

        Raises:
            Unavailable: the table does not answer.
        """
        end = "~" if older_than is None else older_than
        wanted = ConsentEntryItem.sk.between(_PREFIX, _PREFIX + end)
        with translated():
            # One more tells whether there are further ones, and `between` gives the end itself as well.
            found = list(
                ConsentEntryItem.query(
                    keys.user_partition(user_id), wanted, consistent_read=True, scan_index_forward=False, limit=most + 2
                )
            )
        entries = [one for one in found if older_than is None or one.sk != _PREFIX + older_than]
        shown = entries[:most]
        return LedgerPage(shown, shown[-1].sk.removeprefix(_PREFIX) if len(entries) > most else None)

    def ledger(self, user_id: str) -> list[ConsentEntryItem]:
        """Return a whole ledger, oldest first.

        Raises:
            Unavailable: the table does not answer.
        """
        return _entries(keys.user_partition(user_id))

    def retained_ledger(self, retained_id: str) -> list[ConsentEntryItem]:
        """Return the whole ledger of somebody erased, oldest first.

        Raises:
            Unavailable: the table does not answer.
        """
        return _entries(keys.retained_partition(retained_id))

    def retained_chain(self, retained_id: str) -> ConsentChain | None:
        """Return the end of the ledger of somebody erased.

        Raises:
            Unavailable: the table does not answer.
        """
        with translated():
            try:
                item = RetainedChainItem.get(*keys.retained_chain_key(retained_id), consistent_read=True)
            except RetainedChainItem.DoesNotExist:
                return None
        return item.data

    def retain_chain(self, user_id: str, retained_id: str) -> None:
        """Copy the end of a ledger from the profile to where its entries are kept. Nothing is done where the profile
        is gone or has none. For closed accounts: their ledger does not grow, so a repetition writes the same.

        Raises:
            Unavailable: the table does not answer.
        """
        with translated():
            try:
                user = UserItem.get(*keys.user_key(user_id), consistent_read=True)
            except UserItem.DoesNotExist:
                return
        chain = user.data.consent_chain
        if chain is None:
            return
        at = chain.changed_at  # Not now: a late worker's copy is the same to the byte.
        item = RetainedChainItem(*keys.retained_chain_key(retained_id), data=chain, created_at=at, updated_at=at)
        retried(item.save)

    def everybody(self, page_size: int) -> Iterator[str]:
        """Yield the id of every person, page by page. Reads the whole table: for operators, never for a request.

        Raises:
            Unavailable: the table does not answer.
        """
        with translated():
            for user in UserItem.scan(page_size=page_size, attributes_to_get=["PK", "SK", "entity_type"]):
                yield user.pk.removeprefix(keys.user_partition(""))

    def everybody_erased(self, page_size: int) -> Iterator[str]:
        """Yield every random key under which something is kept, once. Reads the whole table, as `everybody` does.

        Raises:
            Unavailable: the table does not answer.
        """
        prefix = keys.retained_partition("")
        is_retained = Item.pk.startswith(prefix)
        seen: set[str] = set()
        start: Any = None
        while True:
            with translated():
                # Raw: an item whose kind was damaged is still where it is.
                answer = shared_connection().scan(
                    is_retained, attributes_to_get=["PK"], limit=page_size, exclusive_start_key=start
                )
            found = {item["PK"]["S"].removeprefix(prefix) for item in answer["Items"]} - seen
            seen |= found
            yield from sorted(found)
            start = answer.get("LastEvaluatedKey")
            if not start:
                return


def _entries(partition: str) -> list[ConsentEntryItem]:
    with translated():
        return list(ConsentEntryItem.query(partition, ConsentEntryItem.sk.startswith(_PREFIX), consistent_read=True))
