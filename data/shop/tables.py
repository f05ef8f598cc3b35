"""The raw tables: their columns, and the values that a row holds."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

Value = str | int | bool | Decimal | date | datetime | None
Row = dict[str, Value]

ORDERS = [
    "order_id",
    "customer_id",
    "ordered_at",
    "amount",
    "currency",
    "status",
    "discount_amount",
    "tax_amount",
    "shipping_amount",
    "is_test",
    "channel",
    "updated_at",
]
REFUNDS = ["refund_id", "order_id", "refunded_at", "amount", "currency"]
CUSTOMERS = [
    "customer_id",
    "signed_up_at",
    "email",
    "country",
    "acquisition_channel",
    "referred_by_customer_id",
    "birth_date",
    "loyalty_joined_at",
    "marketing_consent",
    "unsubscribed_at",
    "merged_into_customer_id",
    "merged_at",
    "updated_at",
]
SUBSCRIPTIONS = [
    "subscription_id",
    "customer_id",
    "plan_id",
    "status",
    "started_at",
    "amount",
    "billing_interval",
    "interval_count",
    "quantity",
    "discount_amount",
    "currency",
    "trial_ends_at",
    "current_period_ends_at",
    "cancel_requested_at",
    "ended_at",
    "cancel_reason",
    "effective_at",
    "updated_at",
    "is_test",
]
MILESTONES = ["customer_id", "milestone", "reached_at"]
VOICE = {
    "feedback": [
        "feedback_id",
        "customer_id",
        "given_at",
        "kind",
        "score",
        "resolved_at",
        "updated_at",
    ],
    "tickets": [
        "ticket_id",
        "customer_id",
        "opened_at",
        "first_response_at",
        "resolved_at",
        "channel",
        "transfers",
        "updated_at",
    ],
    "carts": [
        "cart_id",
        "customer_id",
        "created_at",
        "amount",
        "currency",
        "order_id",
        "updated_at",
    ],
}
CONTACTS = ["contact_id", "customer_id", "play_id", "step", "sent_at", "channel", "cost"]
SPEND = ["spend_date", "channel", "amount", "currency"]

COLUMNS = {"orders": ORDERS, "refunds": REFUNDS, "subscriptions": SUBSCRIPTIONS}
# The files of the billing system have more columns.
BILLING_COLUMNS = {
    "orders": [*ORDERS, "subscription_id", "is_deleted"],
    "refunds": [*REFUNDS, "customer_id", "status", "updated_at"],
    "subscriptions": [*SUBSCRIPTIONS, "item_id", "discount_ends_at", "auto_renews"],
}


def money(amount: float | str) -> Decimal:
    """Return an amount with two digits after the point."""
    return Decimal(str(amount)).quantize(Decimal("0.01"))


def moment_of(row: Row, *columns: str) -> datetime:
    """Return the first of these columns that is filled."""
    return next(value for column in columns if isinstance(value := row.get(column), datetime))
