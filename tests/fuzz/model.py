"""What a simple model holds of each person: a few fields and dates, and the rules that anybody could tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

ACCESS = timedelta(minutes=15)
SESSION = timedelta(hours=24)
LONGEST_SESSION = timedelta(days=7)
FREE_REPORT = timedelta(days=7)
FREE_DOCUMENTS = 5
NEEDED = ("healthcare_consultation", "medical_disclaimers")
CONSENTS = (*NEEDED, "terms_of_service", "privacy_policy", "emergency_care_limitation")


@dataclass
class Job:
    """A document that was handed in."""

    is_medical: bool
    month: int
    """In which of its owner's months it was counted."""
    status: str = "processing"


@dataclass
class Session:
    """What the app holds of a session."""

    device_id: str
    access_token: str
    refresh_token: str
    started_at: datetime
    refreshed_at: datetime

    @property
    def ends_at(self) -> datetime:
        return min(self.refreshed_at + SESSION, self.started_at + LONGEST_SESSION)

    def is_live(self, now: datetime) -> bool:
        return now < self.ends_at

    def has_good_token(self, now: datetime) -> bool:
        return now < min(self.refreshed_at + ACCESS, self.ends_at)


@dataclass
class Account:
    """What there is of somebody who has signed up and was not erased."""

    user_id: str
    signed_up_at: datetime
    consents: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(CONSENTS, True))
    documents: int = 0
    questions: int = 0
    month: int = 0
    month_ends_at: datetime | None = None
    jobs: dict[str, Job] = field(default_factory=dict)
    bought: list[str] = field(default_factory=list)
    has_had_report: bool = False

    @property
    def may_process(self) -> bool:
        return all(self.consents[one] for one in NEEDED)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing of theirs is still to be analysed."""
        return all(job.status != "processing" for job in self.jobs.values())

    def roll(self, now: datetime) -> None:
        """Begin a new month, with nothing used, if the present one is over."""
        if self.month_ends_at is not None and now >= self.month_ends_at:
            self.documents = self.questions = 0
            self.month, self.month_ends_at = self.month + 1, None

    def finish_jobs(self) -> None:
        """What was handed in has been looked at: a unit of what failed is given back, in the month that it is of."""
        for job in self.jobs.values():
            if job.status == "processing":
                job.status = "completed" if job.is_medical else "failed"
                if not job.is_medical and job.month == self.month:
                    self.documents -= 1


@dataclass
class Someone:
    """A person outside of the service: who they are, and what they have there now and had before."""

    name: str
    provider: str
    account: Account | None = None
    session: Session | None = None
    ended: list[str] = field(default_factory=list)
    """Access tokens of sessions that are over."""
    gone: list[str] = field(default_factory=list)
    """Ids of accounts that were erased."""
    sent: int = 0

    @property
    def email(self) -> str:
        return f"{self.name}@example.org"

    @property
    def claims(self) -> dict[str, str]:
        return {"sub": f"sub-{self.name}", "email": self.email, "name": self.name.title()}

    def end_session(self) -> None:
        if self.session is not None:
            self.ended.append(self.session.access_token)
            self.session = None
