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
NO_ANSWER = r"no best fit: (the (larg|small)er \w+ gets|many values of \w+ fit equally well).*"
TOO_FEW = r"too few [a-z ]*: \d+, at least 50 are needed\. Wait for more data"
NOBODY_AGAIN = "no customer bought on a second day, .*"
NOBODY_LEFT = "no subscriber has left so far, .*"
PURCHASES, VALUES, RENEWALS = (
    rf"{what} are not predicted \({model}\): "
    for what, model in [
        ("purchases", "m?bg_nbd"),
        ("values of orders", "gamma_gamma"),
        ("renewals", SBG),
    ]
)
UNTRIED = rf"purchases are not predicted, since no model could be tried on .*: {TOO_FEW}\. Or .*"
NO_ORDERS = dict.fromkeys(["bg_nbd", "mbg_nbd", "gamma_gamma"], TOO_FEW)
NO_SUBSCRIPTIONS = {f"{SBG}, all": TOO_FEW}
GOOD_ORDERS = dict.fromkeys(["bg_nbd", "mbg_nbd", "gamma_gamma"])
GOOD_SUBSCRIPTIONS = dict.fromkeys([f"{SBG}, all", f"{SBG}, month"])
LEFT = {"former subscriber": (None, {"predicted_clv"})}
usual_orders = bought(usual_days(400, 600))
one_price_orders = bought(usual_days(400, 600), value="19.99")
# Every other customer always pays 25, and one order a day.
own_prices = [
    row | {"amount": 20 + 5 * (int(row["customer_id"][1:]) % 2)} for row in one_price_orders
]
one_a_day = list({(row["customer_id"], row["ordered_at"]): row for row in own_prices}.values())
twice_on_a_day = [row | {"order_id": f"again {row['order_id']}"} for row in one_price_orders[::9]]

SHOPS = {
    "too few customers": BadLuck(
        {"orders": bought(usual_days(49, 600)), "subscriptions": subscribed(some_leave(49))},
        NO_ORDERS | dict.fromkeys(GOOD_SUBSCRIPTIONS, TOO_FEW),
        {
            "buyer": (PURCHASES + TOO_FEW, set()),
            "subscriber": (RENEWALS + TOO_FEW, set()),
            **LEFT,
        },
    ),
    "all customers identical": BadLuck(
        {
            "orders": bought([[0, 50, 100, 200]] * 100, value=20),
            "subscriptions": subscribed([(0, 91)] * 80),
        },
        dict.fromkeys([*GOOD_ORDERS, *GOOD_SUBSCRIPTIONS], NO_ANSWER)
        | {"gamma_gamma": "every order costs 20.00, .*"},
        {"buyer": (PURCHASES + NO_ANSWER, {"expected_order_value"}), **LEFT},
        {"as_of_date": "2015-12-01"},
    ),
    # All within the holdout. The value of purchases is known sooner than who comes again.
    "three weeks": BadLuck(
        {"orders": bought(usual_days(800, 21))},
        {"bg_nbd": NO_ANSWER, "mbg_nbd": NO_ANSWER, "gamma_gamma": None, **NO_SUBSCRIPTIONS},
        {"buyer": (PURCHASES + NO_ANSWER, {"expected_order_value"})},
    ),
    "first order within the holdout": BadLuck(
        {"orders": bought(usual_days(400, 110))},
        GOOD_ORDERS | NO_SUBSCRIPTIONS,
        {"buyer": (UNTRIED, {"expected_order_value"})},
    ),
    "first order within the holdout, a model is named": BadLuck(
        {"orders": bought(usual_days(400, 110))},
        GOOD_ORDERS | NO_SUBSCRIPTIONS,
        {"buyer": (None, BUYER)},
        {"clv_model": "bg_nbd"},
    ),
    # Two orders of one day are a purchase day of 39.98.
    "one price": BadLuck(
        {"orders": [*one_price_orders, *twice_on_a_day]},
        GOOD_ORDERS | NO_SUBSCRIPTIONS | {"gamma_gamma": "every order costs 19.99, .*"},
        {"buyer": (None, BUYER)},
    ),
    "one price, half of it refunded": BadLuck(
        {"orders": one_price_orders, "refunds": refunded(one_price_orders[1::2])},
        GOOD_ORDERS
        | NO_SUBSCRIPTIONS
        | {"gamma_gamma": r"every order costs 19.99, and after refunds it is worth \d+\.\d\d, .*"},
        {"buyer": (None, BUYER)},
    ),
    "prices that do not depend on the customer": BadLuck(
        {"orders": [row | {"amount": 10 + 10 * (n % 3)} for n, row in enumerate(usual_orders)]},
        GOOD_ORDERS | NO_SUBSCRIPTIONS | {"gamma_gamma": "customers do not differ .*"},
        {"buyer": (None, BUYER)},
    ),
    "each customer has a price": BadLuck(
        {"orders": one_a_day},
        GOOD_ORDERS | NO_SUBSCRIPTIONS | {"gamma_gamma": "each customer always spends .*"},
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
            **dict.fromkeys(GOOD_SUBSCRIPTIONS, NOBODY_LEFT),
        },
        {
            "buyer": (VALUES + TOO_FEW, ALIVE),
            "subscriber": (RENEWALS + NOBODY_LEFT, set()),
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
            "one-time buyer": (VALUES + "they differ so widely .*", ALIVE),
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
            f"{SBG}, week": NOBODY_LEFT,
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
            "bg_nbd": NOBODY_AGAIN,
            "mbg_nbd": NOBODY_AGAIN,
            "gamma_gamma": TOO_FEW,
            **GOOD_SUBSCRIPTIONS,
        },
        {
            "buyer": (PURCHASES + NOBODY_AGAIN, set()),
            "subscriber who buys": (
                PURCHASES + NOBODY_AGAIN,
                {"predicted_subscription_value"},
            ),
            "subscriber": (None, SUBSCRIBER),
            **LEFT,
        },
        {"clv_model": "bg_nbd"},
    ),
}
