"""Shops that are too small or too odd for a fit, and what the marts must then say."""

from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from value_oracle import SBG

OPENING = datetime(2015, 1, 1, 12)


def bought(days_of_customers, value=None, q=3.5):
    """An order of each customer on each of their days after the opening.

    All orders have the given value, or values around a mean of the customer (Gamma-Gamma).
    """
    random = np.random.default_rng(1)
    orders = []
    for customer, days in enumerate(days_of_customers):
        mean = 80 / random.gamma(q)
        for day in days:
            orders.append(
                {
                    "order_id": f"o{len(orders)}",
                    "customer_id": f"c{customer}",
                    "ordered_at": OPENING + timedelta(days=int(day)),
                    "amount": f"{random.gamma(4, mean / 4):.2f}" if value is None else value,
                }
            )
    return orders


def usual_days(customers, days):
    """The days of purchase of each customer. All of them come in the first third of `days`."""
    random = np.random.default_rng(2)
    for _ in range(customers):
        day, rate, leaves = random.integers(days // 3), random.gamma(0.8) / 40, random.beta(0.9, 2)
        its_days = [day]
        while random.random() > leaves and (day := day + 1 + random.exponential(1 / rate)) < days:
            its_days.append(day)
        yield its_days


def refunded(orders):
    return [
        {
            "refund_id": order["order_id"],
            "order_id": order["order_id"],
            "refunded_at": order["ordered_at"] + timedelta(days=3),
            "amount": order["amount"],
        }
        for order in orders
    ]


def subscribed(spells, customer="s", billing_interval="month"):
    """A subscription for each (first day, last day or None), counted from the opening."""
    return [
        {
            "subscription_id": f"{customer}{number}",
            "customer_id": f"{customer}{number}",
            "started_at": OPENING + timedelta(days=first),
            "ended_at": None if last is None else OPENING + timedelta(days=last),
            "amount": 10,
            "billing_interval": billing_interval,
        }
        for number, (first, last) in enumerate(spells)
    ]


def some_leave(customers):
    """A third still subscribes. Most of the others left after the first month."""
    months = [1, 1, 2, 1, 5, 1, 3, 1, 9, 2, 1]
    return [(n % 300, n % 300 + 31 * months[n % 11] if n % 3 else None) for n in range(customers)]


class BadLuck(NamedTuple):
    """A shop, and what the marts must say of it.

    `fits` has the reason of each fit, which is None where the fit converges. `outlook` has, for
    each kind of customer, the reason for what is unknown, and the columns that are known.
    """

    tables: dict
    fits: dict
    outlook: dict
    variables: dict | None = None


ALIVE = {"model", "p_alive", "expected_orders_365d"}
BUYER = ALIVE | {"expected_order_value", "predicted_order_value", "predicted_clv"}
SUBSCRIBER = {"predicted_subscription_value", "predicted_clv"}
# When several parameters run away at once, rounding decides which one is named.
NO_ANSWER = r"(no maximum: \w+ runs to (0|infinity)|the data do not determine \w+)"
TOO_FEW = r"too few customers: \d+, at least 50 are needed"
NO_ORDERS = dict.fromkeys(["bg_nbd", "mbg_nbd", "gamma_gamma"], TOO_FEW)
NO_SUBSCRIPTIONS = {f"{SBG}, all": TOO_FEW}
GOOD_ORDERS = dict.fromkeys(["bg_nbd", "mbg_nbd", "gamma_gamma"])
GOOD_SUBSCRIPTIONS = dict.fromkeys([f"{SBG}, all", f"{SBG}, month"])
LEFT = {"former subscriber": (None, {"predicted_clv"})}
usual_orders = bought(usual_days(400, 600))

SHOPS = {
    "too few customers": BadLuck(
        {"orders": bought(usual_days(49, 600)), "subscriptions": subscribed(some_leave(49))},
        NO_ORDERS | dict.fromkeys(GOOD_SUBSCRIPTIONS, TOO_FEW),
        {
            "buyer": (f"mbg_nbd: {TOO_FEW}", set()),
            "subscriber": (f"{SBG}: {TOO_FEW}", set()),
            **LEFT,
        },
    ),
    "all customers identical": BadLuck(
        {
            "orders": bought([[0, 50, 100, 200]] * 100, value=20),
            "subscriptions": subscribed([(0, 91)] * 80),
        },
        dict.fromkeys([*GOOD_ORDERS, *GOOD_SUBSCRIPTIONS], NO_ANSWER),
        {"buyer": (f"mbg_nbd: {NO_ANSWER}", set()), **LEFT},
        {"as_of_date": "2015-12-01"},
    ),
    # All within the holdout. The value of purchases is known sooner than who comes again.
    "three weeks": BadLuck(
        {"orders": bought(usual_days(800, 21))},
        {"bg_nbd": NO_ANSWER, "mbg_nbd": NO_ANSWER, "gamma_gamma": None, **NO_SUBSCRIPTIONS},
        {"buyer": (f"mbg_nbd: {NO_ANSWER}", {"expected_order_value"})},
    ),
    "first order within the holdout": BadLuck(
        {"orders": bought(usual_days(400, 110))},
        GOOD_ORDERS | NO_SUBSCRIPTIONS,
        {"buyer": (None, BUYER)},
    ),
    "free and refunded, nobody lost": BadLuck(
        {
            "orders": bought(usual_days(400, 600), value=0)[::2] + usual_orders[1::2],
            "refunds": refunded(usual_orders[1::2]),
            "subscriptions": subscribed([(n, None) for n in range(80)]),
        },
        {
            **GOOD_ORDERS,
            "gamma_gamma": TOO_FEW,
            **dict.fromkeys(GOOD_SUBSCRIPTIONS, "no customer was lost"),
        },
        {
            "buyer": (f"gamma_gamma: {TOO_FEW}", ALIVE),
            "subscriber": (f"{SBG}: no customer was lost", set()),
        },
    ),
    "some free and refunded": BadLuck(
        {
            "orders": bought(usual_days(400, 600), value=0)[::5]
            + [order for n, order in enumerate(usual_orders) if n % 5],
            "refunds": refunded(usual_orders[1::5]),
        },
        GOOD_ORDERS | NO_SUBSCRIPTIONS,
        {"buyer": (None, BUYER)},
    ),
    "values without a mean": BadLuck(
        {"orders": bought(usual_days(400, 600), q=0.7)},
        GOOD_ORDERS | NO_SUBSCRIPTIONS,
        {
            "buyer": (None, BUYER),
            "one-time buyer": ("gamma_gamma: the mean over all customers is not finite", ALIVE),
        },
    ),
    "rare intervals": BadLuck(
        {
            "subscriptions": subscribed(some_leave(300))
            + subscribed([(0, None)] * 60, "w", "week")
            + subscribed([(0, 365), *[(0, None)] * 20], "y", "year"),
        },
        NO_ORDERS
        | GOOD_SUBSCRIPTIONS
        | {
            f"{SBG}, week": "no customer was lost",
            f"{SBG}, year": TOO_FEW,
        },
        {"subscriber": (None, SUBSCRIBER), **LEFT},
    ),
    "no repeat buyer, some of them subscribers": BadLuck(
        {
            "orders": bought([[n] for n in range(100)]),
            "subscriptions": subscribed(some_leave(300), "c"),
        },
        {
            "bg_nbd": "no customer bought again",
            "mbg_nbd": "no customer bought again",
            "gamma_gamma": TOO_FEW,
            **GOOD_SUBSCRIPTIONS,
        },
        {
            "buyer": ("bg_nbd: no customer bought again", set()),
            "subscriber who buys": (
                "bg_nbd: no customer bought again",
                {"predicted_subscription_value"},
            ),
            "subscriber": (None, SUBSCRIBER),
            **LEFT,
        },
        {"clv_model": "bg_nbd"},
    ),
}
