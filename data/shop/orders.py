"""What the generated customers order, and which money they get back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from shop.chance import Dice
from shop.days import (
    AS_OF,
    DAYS,
    STRONGEST_SEASON,
    clock,
    day_of_shop,
    not_after_the_end,
    season,
)
from shop.people import CHANNELS, Channel, Shopper
from shop.tables import Row, moment_of, money

GUEST_ORDERS = 190
TAX_OF_COUNTRY = {"US": 0.07, "CA": 0.05, "GB": 0.0, "DE": 0.07, "FR": 0.055}
ORDER_CHANNELS = {"web": 0.58, "app": 0.27, "store": 0.15}
STATUSES = {
    "fulfilled": 86.5,
    "paid": 8,
    "cancelled": 2.2,
    "refunded": 1.6,
    "failed": 1.0,
    "void": 0.7,
}


@dataclass
class Order:
    """One order in its final state; `seen_before` is when an earlier state was delivered."""

    row: Row
    country: str
    seen_before: datetime | None = None
    refunds: list[tuple[datetime, Decimal]] = field(default_factory=list)


def orders_of(shopper: Shopper, first_day: float) -> list[Order]:
    """Return all orders of one customer, the first one on this day of the shop."""
    dice = Dice(shopper.customer_id, "orders")
    rate = basket_rate(dice)
    found: list[Order] = []
    for day in purchase_days(dice, first_day, CHANNELS[shopper.channel]):
        moment = clock(dice, day)
        found.append(order(dice, moment, basket(dice, rate), shopper))
        if dice.chance(0.015):  # the customer forgot something
            later = moment + timedelta(minutes=dice.between(4, 150))
            found.append(order(dice, later, basket(dice, rate), shopper))
    return found


def guest_orders() -> list[Order]:
    """Return the orders of people without an account."""
    dice = Dice("guests")
    weights = {day: season(day_of_shop(day)) for day in range(DAYS)}
    return [
        order(dice, clock(dice, dice.pick(weights)), basket(dice, basket_rate(dice)), None)
        for _ in range(GUEST_ORDERS)
    ]


def purchase_days(dice: Dice, first_day: float, channel: Channel) -> Iterable[float]:
    """Yield days of purchase: Poisson at a gamma rate, a chance to leave after each (BG/NBD)."""
    rate_per_week = dice.gamma(0.8, 0.26)
    drop_out = dice.beta(*channel.drop_out)
    day = first_day
    while day < DAYS:
        yield day
        if dice.chance(drop_out):
            return
        # Days are drawn at the rate of the strongest season. Weaker seasons lose some of them.
        while True:
            day += dice.exponential(7.0 / (STRONGEST_SEASON * rate_per_week))
            if day >= DAYS or dice.chance(season(day_of_shop(day)) / STRONGEST_SEASON):
                break


def basket_rate(dice: Dice) -> float:
    """Return a customer's rate for `basket`: the lower it is, the dearer are the baskets."""
    return dice.gamma(4.2, 1.0 / 17.5)


def basket(dice: Dice, rate: float) -> Decimal:
    """Return the worth of one order of a customer (Gamma-Gamma), in steps of ten cents."""
    worth = min(max(dice.gamma(6.0, 1.0 / rate), 7.5), 260.0)
    return money(round(worth, 1))


def order(dice: Dice, moment: datetime, worth: Decimal, shopper: Shopper | None) -> Order:
    """Return one order with everything around the amount, and its refunds."""
    country = shopper.country if shopper else "US"
    currency = shopper.currency if shopper else "USD"
    channel = dice.pick(ORDER_CHANNELS)
    amounts = amounts_of(dice, worth, country, channel)
    status, changed_at, refunds = outcome(dice, moment, amounts["amount"], channel)
    row: Row = {
        "customer_id": shopper.customer_id if shopper else None,
        "ordered_at": moment,
        **amounts,
        "currency": None if currency == "USD" and dice.chance(0.05) else currency,
        "status": status,
        "is_test": dice.chance(0.0009),
        "channel": channel,
        "updated_at": not_after_the_end(changed_at).replace(microsecond=0),
    }
    return Order(row, country, moment + timedelta(minutes=5), refunds)


def amounts_of(dice: Dice, worth: Decimal, country: str, channel: str) -> dict[str, Decimal]:
    """Return the amounts of an order; a few orders are free."""
    is_free = dice.chance(0.003)
    amount = money(0) if is_free else worth
    has_discount = dice.chance(0.14) or is_free
    return {
        "amount": amount,
        "discount_amount": money(float(worth) * 0.1) if has_discount else money(0),
        "tax_amount": money(float(amount) * TAX_OF_COUNTRY.get(country, 0.0)),
        "shipping_amount": money(0) if channel == "store" or worth >= 40 else money("4.90"),
    }


def outcome(
    dice: Dice, ordered_at: datetime, amount: Decimal, channel: str
) -> tuple[str, datetime, list[tuple[datetime, Decimal]]]:
    """Return the final status of an order, the moment of the last change, and the refunds."""
    status = dice.pick(STATUSES)
    changed_at = ordered_at + timedelta(hours=2.0 + dice.exponential(40.0))
    refunds: list[tuple[datetime, Decimal]] = []
    if status == "refunded" or (status == "fulfilled" and dice.chance(0.022)):
        refunded_at = ordered_at + timedelta(days=2.0, seconds=int(dice.gamma(1.6, 8.0) * 86400.0))
        share = 1.0 if status == "refunded" else 0.1 * dice.between(2, 7)
        if refunded_at < AS_OF and amount > 0:
            refunds.append((refunded_at, money(float(amount) * share)))
            changed_at = refunded_at
        else:
            status = "fulfilled"
    if channel == "store":
        changed_at = refunds[0][0] if refunds else ordered_at
    if changed_at >= AS_OF:  # then the change has not happened yet
        changed_at = ordered_at
        status = "paid" if status in ("fulfilled", "cancelled") else status
    return status, changed_at, refunds


def numbered(orders: Iterable[Order]) -> list[Order]:
    """Return the orders by time, each with its number as id."""
    by_time = sorted(
        orders,
        key=lambda item: (moment_of(item.row, "ordered_at"), str(item.row["customer_id"] or "")),
    )
    for number, item in enumerate(by_time, start=1):
        item.row["order_id"] = f"o-{number:06d}"
    return by_time


def refunds_of(orders: Iterable[Order]) -> list[Row]:
    """Return the refunds of these orders; a refund has the number of its order."""
    return [
        {
            "refund_id": f"r-{str(item.row['order_id']).removeprefix('o-')}",
            "order_id": item.row["order_id"],
            "refunded_at": refunded_at,
            "amount": amount,
            "currency": item.row["currency"],
        }
        for item in orders
        for refunded_at, amount in item.refunds
    ]
