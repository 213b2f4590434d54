"""A state machine of the whole service: what people, a store and time do in any order, held against a simple model."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chalicelib.models.states import Tier
from dev.storefront.words import Happening
from tests.api.service import CONSENTS as ALL_CONSENTS
from tests.api.service import DEVICE, refused, succeeded
from tests.fuzz.model import CONSENTS, FREE_DOCUMENTS, FREE_REPORT, Account, Job, Session, Someone
from tests.fuzz.world import LETTER, REPORT, World

NAMES = st.sampled_from(["ann", "bob", "cyd"])
PLANS = st.sampled_from(["premium_monthly", "family_monthly"])
NEWS = st.sampled_from(
    [Happening.CANCEL, Happening.UNCANCEL, Happening.REFUND, Happening.UPGRADE, Happening.UNKNOWN_NEWS]
)
PAUSES = st.sampled_from([timedelta(minutes=20), timedelta(hours=5), timedelta(hours=30), timedelta(days=31)])


class ServiceMachine(RuleBasedStateMachine):
    """Three people use the service. Whoever an action concerned is compared with the model after it, all at the end."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.world.sweep_out()
        self.people = {name: Someone(name, "apple" if name == "cyd" else "google") for name in ("ann", "bob", "cyd")}
        self.touched: set[str] = set()

    @property
    def now(self) -> datetime:
        return self.world.service.clock.now()

    # --- Identity
    @initialize(names=st.lists(NAMES, unique=True, min_size=1))
    def some_are_there_already(self, names: list[str]) -> None:
        for name in names:
            self.sign_in(name, 1)

    @rule(name=NAMES, phone=st.integers(1, 2))
    def sign_in(self, name: str, phone: int) -> None:
        """On this phone or another: the session before ends."""
        who, device_id = self._of(name), f"{name}-phone-{phone}"
        consents = {"consent_acknowledgments": ALL_CONSENTS if who.account is None else {}}
        device = {**DEVICE, "app_installation_id": device_id}
        answer = succeeded(
            self.world.service.sign_in_answer(who.provider, claims=who.claims, device_info=device, **consents)
        )
        assert answer["user"]["is_new_user"] is (who.account is None)
        if who.account is None:
            assert answer["user"]["id"] not in who.gone
            who.account = Account(answer["user"]["id"], self.now)
        assert answer["user"]["id"] == who.account.user_id
        before = who.session
        who.end_session()
        who.session = Session(device_id, answer["access_token"], answer["refresh_token"], self.now, self.now)
        if before is not None:
            body = {"refresh_token": before.refresh_token, "device_id": before.device_id}
            assert self.world.service.call("POST", "/auth/refresh", body).status_code == 401

    @rule(name=NAMES)
    def sign_in_with_another_provider(self, name: str) -> None:
        """The same verified address by another provider is no way into an account."""
        who = self._of(name)
        if who.account is not None:
            other = "google" if who.provider == "apple" else "apple"
            claims = {**who.claims, "sub": f"other-{name}"}
            answer = self.world.service.sign_in_answer(other, claims=claims)
            refused(answer, 409, "ACCOUNT_LINKING_REQUIRED")

    @rule(name=NAMES)
    def refresh(self, name: str) -> None:
        who = self._of(name)
        if who.session is None:
            return
        body = {"refresh_token": who.session.refresh_token, "device_id": who.session.device_id}
        answer = self.world.service.call("POST", "/auth/refresh", body)
        if not who.session.is_live(self.now):
            refused(answer, 401, "SESSION_EXPIRED")
            who.end_session()
            return
        fresh = succeeded(answer)
        assert fresh["data"]["access_token"] == fresh["access_token"]
        who.session.access_token, who.session.refresh_token = fresh["access_token"], fresh["refresh_token"]
        who.session.refreshed_at = self.now

    @rule(name=NAMES)
    def sign_out(self, name: str) -> None:
        who = self._of(name)
        if self._token(who) is not None:
            for _ in range(2):
                succeeded(self._call(who, "POST", "/auth/logout", {}))
            who.end_session()

    @rule(name=NAMES, kind=st.sampled_from(CONSENTS), is_given=st.booleans())
    def choose_consent(self, name: str, kind: str, is_given: bool) -> None:
        who = self._of(name)
        if self._token(who) is not None and who.account is not None:
            body = {"consent_given": is_given, "consent_version": "2.0"}
            answer = succeeded(self._call(who, "PUT", f"/user/consents/{kind}", body))
            who.account.consents[kind] = is_given
            assert {one: view["consent_given"] for one, view in answer["consents"].items()} == who.account.consents

    # --- Documents
    @rule(name=NAMES, is_medical=st.booleans(), times=st.integers(1, 2))
    def upload(self, name: str, is_medical: bool, times: int) -> None:
        """Hand in a document, once or twice: the same is one job and one unit."""
        who = self._of(name)
        if (token := self._token(who)) is None or who.account is None:
            return
        who.sent += 1
        content = (REPORT if is_medical else LETTER) + f" {name} {who.sent}".encode()
        answers = [
            self.world.service.upload_answer(token, content, upload_timestamp=str(who.sent)) for _ in range(times)
        ]
        who.account.roll(self.now)
        if not who.account.may_process:
            refused(answers[0], 403, "CONSENT_REQUIRED")
        elif self._tier(who) is Tier.FREE and who.account.documents >= FREE_DOCUMENTS:
            assert refused(answers[0], 402, "USAGE_LIMIT_EXCEEDED")["details"]["used"] == who.account.documents
        else:
            [job_id] = {succeeded(one)["job_id"] for one in answers}
            who.account.jobs[job_id] = Job(is_medical, who.account.month)
            who.account.documents += 1

    @rule(is_repeated=st.booleans())
    def events_arrive(self, is_repeated: bool) -> None:
        """S3 tells of uploads, perhaps again; they are analysed, and what fails gives its unit back."""
        self._deliver(is_repeated=is_repeated)

    @rule(name=NAMES)
    def look_at_jobs(self, name: str) -> None:
        """Everybody sees their own jobs as they stand, and of others' nothing."""
        who = self._of(name)
        if who.account is None or self._token(who) is None:
            return
        for job_id, job in who.account.jobs.items():
            assert succeeded(self._call(who, "GET", f"/api/v1/process/status/{job_id}"))["status"] == job.status
            result = self._call(who, "GET", f"/api/v1/process/result/{job_id}")
            if job.status == "completed":
                assert succeeded(result)["job_id"] == job_id
            else:
                refused(result, 409, "RESULT_NOT_READY" if job.status == "processing" else "JOB_FAILED")
            for stranger in self.people.values():
                if stranger is not who and self._token(stranger) is not None:
                    seen = self._call(stranger, "GET", f"/api/v1/process/status/{job_id}")
                    assert seen.status_code == 404, f"somebody else's job is shown: {seen.body!r}"

    @rule(name=NAMES)
    def ask(self, name: str) -> None:
        who = self._of(name)
        if self._token(who) is None or who.account is None:
            return
        who.sent += 1
        body = {"conversation_id": "talk", "message": f"What is ferritin? {who.sent}"}
        answer = self._call(who, "POST", "/chat/messages", body)
        who.account.roll(self.now)
        if not who.account.may_process:
            refused(answer, 403, "CONSENT_REQUIRED")
        else:
            who.account.questions += succeeded(answer)["metadata"]["model_used"] != "none"

    @rule(name=NAMES)
    def order_report(self, name: str) -> None:
        who = self._of(name)
        if self._token(who) is None or who.account is None:
            return
        who.sent += 1
        value = {"test_name": "Ferritin", "test_value": who.sent, "test_unit": "ng/mL", "test_date": "2026-03-01"}
        answer = self._call(who, "POST", "/api/v1/process/doctor-report", {"health_data": {"lab_results": [value]}})
        has_free_one = not who.account.has_had_report and self.now < who.account.signed_up_at + FREE_REPORT
        if not who.account.may_process:
            assert answer.status_code == 403, answer.body
        elif self._tier(who) is not Tier.FREE or has_free_one:
            who.account.has_had_report |= self._tier(who) is Tier.FREE
            job_id = succeeded(answer)["job_id"]
            self.world.deliver_queues()
            status = succeeded(self._call(who, "GET", f"/api/v1/process/status/{job_id}"))["status"]
            assert status == "completed"
        else:
            refused(answer, 403, "PREMIUM_REQUIRED")

    # --- Subscriptions
    @rule(name=NAMES, plan_id=PLANS, times=st.integers(1, 2))
    def buy(self, name: str, plan_id: str, times: int) -> None:
        who = self._of(name)
        if who.account is not None and not self._is_going_on(who):
            who.account.bought.append(self.world.store.buy(who.account.user_id, plan_id))
            self._carry_news(who, times)

    @rule(name=NAMES, happening=NEWS, times=st.integers(1, 2))
    def something_happens_in_the_store(self, name: str, happening: Happening, times: int) -> None:
        who = self._of(name)
        if who.account is not None and who.account.bought:
            external_id = who.account.bought[-1]
            if self.world.store.can(external_id, happening):
                self.world.store.happen(external_id, happening)
                self._carry_news(who, times)

    # --- Time
    @rule(pause=PAUSES)
    def time_passes(self, pause: timedelta) -> None:
        """What waits is done before, as AWS would do it; the store renews what is to go on, and ends the rest."""
        self._deliver()
        self.world.clock.advance(pause)
        if pause > timedelta(days=1):
            for who in self.people.values():
                if who.account is not None:
                    who.account.jobs.clear()  # They leave by themselves.
        for who in self.people.values():
            self._store_goes_on(who)
        self.touched = set(self.people)

    @rule(schedule=st.sampled_from(["sweep_jobs", "sweep_erasures", "sweep_usage"]))
    def a_schedule_fires(self, schedule: str) -> None:
        """Late or early, it changes nothing that anybody sees."""
        self._deliver()
        self.world.service.tick(schedule)
        self.world.deliver_queues()
        self.touched = set(self.people)

    # --- Privacy
    @rule(name=NAMES)
    def export(self, name: str) -> None:
        who = self._of(name)
        if self._token(who) is None or who.account is None:
            return
        answer = self._call(who, "GET", "/gdpr/export")
        text = answer.body.decode()
        assert succeeded(answer)["user_id"] == who.account.user_id
        for other in self.people.values():
            if other is not who:
                assert other.email not in text
                assert other.account is None or other.account.user_id not in text

    @rule(name=NAMES)
    def erase(self, name: str) -> None:
        who = self._of(name)
        if self._token(who) is None or who.account is None:
            return
        answer = self._call(who, "POST", "/gdpr/erasure-request", {"confirmation_text": "DELETE"})
        if self._is_going_on(who):
            refused(answer, 409, "ACTIVE_SUBSCRIPTION")
            return
        request_id, is_quiet = succeeded(answer)["erasure_request_id"], who.account.is_quiet
        refused(self._call(who, "GET", "/user/profile"), 403, "ACCOUNT_SUSPENDED")
        who.gone.append(who.account.user_id)
        who.account = None
        who.end_session()
        self.world.deliver_queues()
        if not is_quiet:
            # It waits until no worker can bring anything back; what is told of the document by then finds nothing.
            assert self._erasure(request_id) == "processing"
            self._deliver()
            self.world.clock.advance(timedelta(minutes=15))
            self.world.service.tick("sweep_erasures")
            self.world.deliver_queues()
        assert self._erasure(request_id) == "completed"

    # --- What always holds
    @invariant()
    def what_was_touched_is_as_the_model_says(self) -> None:
        touched, self.touched = self.touched, set()
        for name in sorted(touched):
            self._compare(self.people[name])

    def teardown(self) -> None:
        """Compare everybody once more."""
        self._deliver()
        for who in self.people.values():
            self._compare(who)
            for user_id in who.gone:
                assert self.world.items_of(user_id) == 0, "an erased person is still there"

    def _compare(self, who: Someone) -> None:
        for token in who.ended[-2:]:
            answer = self.world.service.call("GET", "/user/profile", token=token)
            assert answer.status_code in {401, 404}, f"a session that is over still answers: {answer.body!r}"
        if who.session is None or who.account is None:
            return
        if not who.session.is_live(self.now):
            assert self._call(who, "GET", "/user/profile").status_code == 401
            return
        if not who.session.has_good_token(self.now):
            assert self._call(who, "GET", "/user/profile").status_code == 401
            self.refresh(who.name)
        who.account.roll(self.now)
        profile = succeeded(self._call(who, "GET", "/user/profile"))["user"]
        assert (profile["id"], profile["email"]) == (who.account.user_id, who.email)
        self._compare_usage(who, who.account)
        self._compare_money(who, who.account, profile)

    def _compare_usage(self, who: Someone, account: Account) -> None:
        usage = succeeded(self._call(who, "GET", "/subscriptions/usage"))
        limit = FREE_DOCUMENTS if self._tier(who) is Tier.FREE else -1
        shown = (usage["documents_used"], usage["chat_messages_used"], usage["documents_limit"])
        counted = (account.documents, account.questions, limit)
        assert shown == counted, f"documents, questions and limit are shown as {shown}, and the model says {counted}"
        begins_at, ends_at = (_instant(usage[name]) for name in ("period_start", "period_end"))
        assert begins_at <= self.now < ends_at
        assert account.month_ends_at in {None, ends_at}, "the month ends at another time than before"
        account.month_ends_at = ends_at

    def _compare_money(self, who: Someone, account: Account, profile: dict[str, Any]) -> None:
        assert profile["subscription"]["tier"] == self._tier(who).value
        paid = succeeded(self._call(who, "GET", "/payments?limit=100"))["payments"]
        bought = [one for external_id in account.bought for one in self.world.store.transaction_ids(external_id)]
        assert len(paid) == len(bought), "a payment was lost, or counted twice"

    # --- Hands
    def _of(self, name: str) -> Someone:
        self.touched.add(name)
        return self.people[name]

    def _token(self, who: Someone) -> str | None:
        """A good access token of somebody, as the app would have one; None while they are not signed in."""
        if who.session is None or not who.session.is_live(self.now):
            return None
        if not who.session.has_good_token(self.now):
            self.refresh(who.name)
        return who.session.access_token

    def _call(self, who: Someone, method: str, path: str, body: Any = None) -> Any:
        assert who.session is not None
        return self.world.service.call(method, path, body, token=who.session.access_token)

    def _erasure(self, request_id: str) -> str:
        status: str = succeeded(self.world.service.call("GET", f"/gdpr/erasure-status/{request_id}"))["status"]
        return status

    def _deliver(self, *, is_repeated: bool = False) -> None:
        self.world.deliver_uploads(is_repeated=is_repeated)
        for who in self.people.values():
            if who.account is not None:
                who.account.roll(self.now)
                who.account.finish_jobs()

    def _truth(self, who: Someone) -> Any:
        assert who.account is not None
        return self.world.store.truth(who.account.bought[-1])

    def _tier(self, who: Someone) -> Tier:
        """What the store holds somebody to have."""
        if who.account is None or not who.account.bought:
            return Tier.FREE
        tier: Tier = self._truth(who).tier
        return tier

    def _is_going_on(self, who: Someone) -> bool:
        return self._tier(who) is not Tier.FREE and self._truth(who).will_renew

    def _carry_news(self, who: Someone, times: int) -> None:
        """Deliver what the store has to tell, so many times each. A plan may begin its months on another day."""
        assert who.account is not None
        who.account.roll(self.now)
        for delivery in self.world.store.take_deliveries():
            for _ in range(times):
                assert self.world.tell(delivery) == 200
        who.account.month_ends_at = None

    def _store_goes_on(self, who: Someone) -> None:
        while who.account is not None and who.account.bought:
            external_id, store = who.account.bought[-1], self.world.store
            until = store.truth(external_id).until
            if until is None or until > self.now:
                return
            going_on = Happening.RENEW if store.can(external_id, Happening.RENEW) else Happening.EXPIRE
            if not store.can(external_id, going_on):
                return
            store.happen(external_id, going_on)
            self._carry_news(who, 1)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
