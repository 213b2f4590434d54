"""What follows from one word of a store, on the ground as it was read: everything that is to be written, and nothing
written yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib import errors
from chalicelib.billing.decision import Decision, choose, decide, granted, payment_behind
from chalicelib.billing.ground import Ground, subscription_of
from chalicelib.billing.known import Claim, ExternalKey, Known, KnownPayment, KnownSubscription
from chalicelib.billing.lineage import those_after
from chalicelib.billing.merge import claimed, facts_about, learn, subscription_key
from chalicelib.billing.moves import PaymentMoves, SubscriptionMoves
from chalicelib.billing.plan_changes import plan_change
from chalicelib.billing.products import Products
from chalicelib.billing.records import known_subscription
from chalicelib.billing.words import Applied, Outcome, Word
from chalicelib.models.base import Item
from chalicelib.models.profile import UserItem
from chalicelib.rules import Rules
from chalicelib.stores.billing_changes import GuardChange, ProfileChange, Put, Removal


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is to be written. `is_whole` is false where more waits for its person than one transaction should move: it
    is to be proposed again after that one. The rest is for the log and the trail: `transfers` are who lost a purchase
    to whom at which store, `paid_back` payments of which money went back, and who had paid them."""

    at: datetime
    applied: Applied
    puts: list[Put]
    removals: list[Removal]
    guards: list[GuardChange]
    profiles: list[ProfileChange]
    history: list[Item]
    living: set[str]
    is_whole: bool
    decisions: Mapping[str, Decision | None]
    transfers: list[tuple[str, str | None, str]]
    paid_back: list[tuple[KnownPayment, str]]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write but the notice itself."""
        return not (self.puts or self.removals or self.profiles)


def propose(word: Word, ground: Ground, products: Products, now: datetime, rules: Rules) -> Proposal:
    """Return what follows from a word.

    Raises:
        Conflict: PURCHASE_OWNED_BY_ANOTHER_ACCOUNT.
        PaymentMissingError: a payment is on its way to another partition; ask again.
        Unavailable: the table does not answer.
    """
    return _Proposer(word, ground, products, now, rules).propose()


@dataclass(slots=True)
class _Proposer:
    word: Word
    ground: Ground
    products: Products
    now: datetime
    rules: Rules
    affected: set[str] = field(default_factory=set)

    def propose(self) -> Proposal:
        before = self.ground.known_about(self.word.facts)
        after = self._learned(before)
        owners = {key: self.ground.owner_of(known, after.subscriptions) for key, known in after.subscriptions.items()}
        self._require_own(owners)
        payments, subscriptions = self._moves(after, owners)
        self.affected = subscriptions.affected | payments.affected
        decisions = {user_id: self._decision(user_id, after, owners) for user_id in sorted(self.affected)}
        changes = [
            plan_change(user, decision, self.now, self.rules)
            for user_id, decision in decisions.items()
            if (user := self.ground.people.living(user_id)) is not None
        ]
        is_changed = bool(subscriptions.puts or payments.puts or payments.removals)
        return Proposal(
            at=self.now,
            applied=Applied(
                Outcome.APPLIED if is_changed else Outcome.NOTHING_NEW,
                before,
                after,
                owners,
                next((self._decide(known, after).rule for known in after.subscriptions.values()), None),
            ),
            puts=subscriptions.puts + payments.puts,
            removals=subscriptions.removals + payments.removals,
            guards=subscriptions.guards + payments.guards,
            profiles=[change.profile for change in changes],
            history=[change.history for change in changes if change.history is not None],
            living=subscriptions.living | payments.living,
            is_whole=payments.is_whole and subscriptions.is_whole,
            decisions=decisions,
            transfers=subscriptions.transfers,
            paid_back=payments.paid_back,
        )

    def _moves(self, after: Known, owners: Mapping[ExternalKey, str | None]) -> tuple[PaymentMoves, SubscriptionMoves]:
        """Return where everything is to stand."""
        ground, facts, known = self.ground, self.word.facts, after.subscriptions
        payments = PaymentMoves(ground, facts, after.payments, known, owners, self.now, self.rules)
        payments.plan()
        spoken_of, _ = facts_about(facts)
        subscriptions = SubscriptionMoves(ground, known, owners, payments.waited_with, spoken_of, self.now, self.rules)
        subscriptions.plan()
        return payments, subscriptions

    def _learned(self, before: Known) -> Known:
        """Return what is known once the word is, too, and once its claimant has claimed what is nobody's; with it what
        goes on from any of these, because whose that is may follow from it."""
        learned = learn(before, self.word.facts, self.word.cause)
        people, subscriptions = self.ground.people, dict(learned.subscriptions)
        for key, known in subscriptions.items():
            kept = people.without_the_gone(known)
            if self.word.claimant is not None and self.ground.owner_of(kept, subscriptions) is None:
                kept = claimed(kept, Claim(self.now, self.word.claimant))
            subscriptions[key] = kept
        for known in list(subscriptions.values()):
            for later in those_after(known, lambda key: subscriptions.get(key) or self.ground.known_of(key)):
                subscriptions.setdefault(subscription_key(later), people.without_the_gone(later))
        return Known(subscriptions, learned.payments)

    def _require_own(self, owners: Mapping[ExternalKey, str | None]) -> None:
        """Refuse a purchase of somebody else's. Those before it may be somebody else's where the store itself names the
        claimant for the one that was handed in: people share devices, and buy after one another."""
        if self.word.claimant is None:
            return
        handed_in, *before = self.word.facts.subscriptions
        for seen in (handed_in, *(() if handed_in.account == self.word.claimant else before)):
            if owners[ExternalKey(seen.provider, seen.external_id)] != self.word.claimant:
                raise errors.Conflict(
                    "PURCHASE_OWNED_BY_ANOTHER_ACCOUNT",
                    "This purchase belongs to another account.",
                    user_message="This purchase belongs to another account. Sign in with that account to use it.",
                )

    def _decision(self, user_id: str, after: Known, owners: Mapping[ExternalKey, str | None]) -> Decision | None:
        """Return what counts of everything that somebody has once all of this is written."""
        user = self.ground.people.living(user_id)
        has = {subscription_of(item): known_subscription(item) for item in self.ground.of(user_id)}
        for key, owner in owners.items():
            if owner == user_id:
                has[key] = after.subscriptions[key]
            else:
                has.pop(key, None)
        candidates = [self._decide(known, after) for _, known in sorted(has.items())]
        without_word = None if user is None else self._granted(user, has, owners)
        return choose(candidates if without_word is None else [*candidates, without_word])

    def _granted(
        self,
        user: UserItem,
        has: Mapping[ExternalKey, KnownSubscription],
        owners: Mapping[ExternalKey, str | None],
    ) -> Decision | None:
        """Return the plan that no store's word stands behind, in force or kept beside the one in force: it is one of
        those that may count."""
        plan, beside = user.data.current_subscription, user.data.granted_subscription
        key = ExternalKey(plan.provider, plan.external_subscription_id or "")
        in_force = None if key in has or key in owners else granted(plan)
        return in_force or (granted(beside) if beside is not None else None)

    def _decide(self, known: KnownSubscription, after: Known) -> Decision:
        behind = payment_behind(known)
        payment = None
        if behind is not None:
            payment = after.payments.get(behind) or self.ground.payment(behind)
        return decide(known, [payment] if payment is not None else [], self.products)
