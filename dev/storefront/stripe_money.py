"""Invoices, charges, refunds and disputes of the simulated Stripe."""

from __future__ import annotations

from typing import Any

from dev.storefront.stripe_ledger import Price, StripeLedger, Thing


class StripeMoney:
    """Bills, takes and gives back. Not safe under threads: the shop locks."""

    def __init__(self, ledger: StripeLedger) -> None:
        self._ledger = ledger

    def bill(self, subscription: Thing, reason: str, amount: int, periods: list[tuple[int, int]]) -> Thing:
        """Write an open invoice of a subscription, one line for each period."""
        ledger = self._ledger
        price: Price = ledger.prices[subscription["items"]["data"][0]["price"]["id"]]
        invoice = ledger.write(
            "invoice",
            "in",
            status="open",
            billing_reason=reason,
            customer=subscription["customer"],
            currency=price.currency,
            amount_due=amount,
            amount_paid=0,
            attempt_count=0,
            parent={"type": "subscription_details", "subscription_details": {"subscription": subscription["id"]}},
            lines={"object": "list", "has_more": False, "data": [_line(*period) for period in periods]},
            payments={"object": "list", "has_more": False, "data": []},
            status_transitions={"paid_at": None},
        )
        subscription["latest_invoice"] = invoice["id"]
        ledger.tell("invoice.finalized", invoice)
        return invoice

    def pay(self, invoice: Thing) -> None:
        """Take the money. Nothing is taken for an invoice over nothing."""
        invoice["attempt_count"] += 1
        if invoice["amount_due"] > 0:
            self._charge(invoice, "succeeded")
            invoice["payments"]["data"][0].update(status="paid", amount_paid=invoice["amount_due"])
        invoice["status"], invoice["amount_paid"] = "paid", invoice["amount_due"]
        invoice["status_transitions"]["paid_at"] = self._ledger.seconds()
        self._ledger.tell("invoice.paid", invoice)

    def fail(self, invoice: Thing) -> None:
        """Let the bank say no."""
        invoice["attempt_count"] += 1
        self._charge(invoice, "failed")
        self._ledger.tell("invoice.payment_failed", invoice)

    def charge_of(self, invoice_id: str | None) -> Thing | None:
        """Return the charge that paid an invoice."""
        return next(
            (
                one
                for one in self._ledger.all("charge")
                if one["_invoice"] == invoice_id and one["status"] == "succeeded"
            ),
            None,
        )

    def refund(self, charge: Thing, amount: int | None = None) -> Thing:
        """Give money back: all that is left, or so much."""
        left = charge["amount"] - charge["amount_refunded"]
        refund = self._ledger.write(
            "refund",
            "re",
            amount=left if amount is None else amount,
            status="succeeded",
            charge=charge["id"],
            payment_intent=charge["payment_intent"],
        )
        charge["refunds"]["data"].insert(0, refund)
        charge["amount_refunded"] += refund["amount"]
        self._ledger.tell("refund.created", refund)
        self._ledger.tell("charge.refunded", charge)
        return refund

    def live_refund(self, charge: Thing) -> Thing | None:
        """Return the latest refund that stands."""
        found: list[Thing] = [one for one in charge["refunds"]["data"] if one["status"] == "succeeded"]
        return found[0] if found else None

    def fail_refund(self, charge: Thing, refund: Thing) -> None:
        """Let the bank send the latest refund back to us."""
        refund["status"] = "failed"
        charge["amount_refunded"] -= refund["amount"]
        self._ledger.tell("refund.failed", refund)
        self._ledger.tell("charge.refund.updated", refund)

    def dispute_of(self, charge: Thing) -> Thing | None:
        """Return the latest dispute over a charge."""
        return next((one for one in self._ledger.all("dispute") if one["charge"] == charge["id"]), None)

    def dispute(self, charge: Thing, status: str = "needs_response") -> Thing:
        """Let the payer's bank take the money, or ask about it (`warning_needs_response`)."""
        charge["disputed"] = True
        dispute = self._ledger.write(
            "dispute",
            "du",
            amount=charge["amount"],
            status=status,
            charge=charge["id"],
            payment_intent=charge["payment_intent"],
        )
        self._ledger.tell("charge.dispute.created", dispute)
        if not status.startswith("warning"):
            self._ledger.tell("charge.dispute.funds_withdrawn", dispute)
        return dispute

    def close_dispute(self, dispute: Thing, *, is_won: bool) -> None:
        """Decide a dispute."""
        dispute["status"] = "won" if is_won else "lost"
        self._ledger.tell("charge.dispute.closed", dispute)
        if is_won:
            self._ledger.tell("charge.dispute.funds_reinstated", dispute)

    def process(self, invoice: Thing) -> Thing:
        """Begin to take the money in a way that takes days, such as a direct debit."""
        invoice["attempt_count"] += 1
        return self._charge(invoice, "pending")

    def _charge(self, invoice: Thing, status: str) -> Thing:
        if not invoice["payments"]["data"]:
            invoice["payments"]["data"].append(self._payment(invoice["id"]))
        intent = invoice["payments"]["data"][0]["payment"]["payment_intent"]
        return self._ledger.write(
            "charge",
            "ch",
            amount=invoice["amount_due"],
            amount_refunded=0,
            currency=invoice["currency"],
            customer=invoice["customer"],
            paid=status == "succeeded",
            status=status,
            disputed=False,
            payment_intent=intent,
            payment_method_details={"type": "card", "card": {"brand": "visa", "last4": "4242"}},
            billing_details={"name": "Jane Roe", "email": "jane.roe@example.com"},
            refunds={"object": "list", "has_more": False, "data": []},
            _invoice=invoice["id"],
        )

    def _payment(self, invoice_id: str) -> Thing:
        return self._ledger.write(
            "invoice_payment",
            "inpay",
            invoice=invoice_id,
            amount_paid=None,
            status="open",
            payment={"type": "payment_intent", "payment_intent": self._ledger.draw_id("pi")},
        )


def _line(start: int, end: int) -> dict[str, Any]:
    return {"object": "line_item", "period": {"start": start, "end": end}}
