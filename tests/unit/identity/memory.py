"""People in memory, under the same conditions as in the table (tests/stores/test_users.py holds both to them)."""

from __future__ import annotations

import copy
from datetime import datetime

from chalicelib.models.profile import UserItem
from chalicelib.models.states import AccountStatus, SessionStatus
from chalicelib.stores.users import Rotation


class MemoryUsers:
    """What sessions ask of the store, and how often they asked."""

    def __init__(self) -> None:
        self.people: dict[str, UserItem] = {}
        self.reads = 0
        self.writes = 0

    def by_id(self, user_id: str) -> UserItem | None:
        self.reads += 1
        return copy.deepcopy(self.people.get(user_id))

    def rotate(self, rotation: Rotation) -> UserItem | None:
        self.writes += 1
        user = self.people.get(rotation.user_id)
        if user is None or user.data.account_status is not AccountStatus.ACTIVE:
            return None
        session = user.data.current_session
        if session is None or session.session_id != rotation.session_id or session.status is not SessionStatus.ACTIVE:
            return None
        if session.device_id != rotation.device_id or session.expires_at <= rotation.at:
            return None
        if session.refresh_generation != rotation.generation:
            return None
        session.refresh_generation += 1
        session.refresh_token_hash = rotation.next_token_hash
        session.expires_at = rotation.next_expires_at
        session.last_accessed_at = session.updated_at = user.updated_at = rotation.at
        return copy.deepcopy(user)

    def end_session(self, user_id: str, session_id: str, at: datetime) -> bool:
        self.writes += 1
        user = self.people.get(user_id)
        session = user.data.current_session if user is not None else None
        if session is None or session.session_id != session_id or session.status is not SessionStatus.ACTIVE:
            return False
        session.status, session.updated_at = SessionStatus.REVOKED, at
        return True
