"""What customers are worth: counted a second time from the papers' formulas, and in bad luck.

That the fits are right is shown in test_estimation.py; that published results come out of the
marts, in test_cdnow.py and test_published_survival.py.
"""

import json
import re
import shutil
from collections import defaultdict
from datetime import date, datetime, time, timedelta
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from functools import cached_property
from hashlib import md5
from itertools import count, pairwise
from math import ceil, isclose
from typing import NamedTuple
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from published_shops import AS_OF, survivor_subscriptions
from scipy.special import betaln, gammaln, hyp2f1
from test_cohort_oracle import (
    GRAINS,
    NOTHING,
    SEGMENT,
    differences,
    exchanged,
    following,
    in_utc,
    period_of,
    rate,
    to_cents,
    wilson,
)
from test_cohort_oracle import Oracle as CohortOracle
from test_cohort_oracle import Warehouse as CohortWarehouse
from test_order_never_matters import Project, plainly, write

# --- The marts of a landing zone ------------------------------------------------------------------

# dbt renders these into the manifest, which is parsed once. Not the defaults: those are what the
# published results are compared with.
PARSED = {"clv_horizon_months": 25, "annual_discount_rate": 0.15, "clv_holdout_days": 120}


class Warehouse(Project):
    variables = PARSED

    def dbt(self, command, *arguments):
        return super().dbt(command, "--vars", json.dumps(self.variables), *arguments)

    def build(self, tables, variables=None):
        """Fill the warehouse with the marts of the raw rows, and test them as every night does."""
        write(self.raw_dir, plainly(tables))
        for path in self.warehouse.parent.iterdir():
            path.unlink()
        shutil.copy(self.seeded, self.warehouse)
        self.variables = PARSED | (variables or {})
        self.dbt(
            "build",
            *("--exclude-resource-type", "unit_test", "--exclude-resource-type", "seed"),
            # The orders are what laws of these marts compare them with.
            *("--select", "+tenure.marts.clv", "+fct_orders"),
            *("--indirect-selection", "buildable"),
        )

    def rows(self, query):
        with duckdb.connect(self.warehouse, read_only=True) as connection:
            return connection.sql(query).fetchall()


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    folder = tmp_path_factory.mktemp("warehouse")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENURE_HOME", str(folder))
        patch.setenv("TENURE_RAW_DIR", str(folder / "raw"))
        yield Warehouse(folder)


# --- A shop: raw rows, by table -------------------------------------------------------------------

FIRST_DAY = date(2023, 3, 20)
INTERVALS = [("month", 1), ("month", 3), ("year", 1), ("week", 1)]
# Too few of each to be fitted.
RARE_INTERVALS = [("day", 1), ("week", 2), ("year", 2)]
# In most shops, a day of the reporting timezone; now and then another one in UTC.
CLOCKS = [time(0, 15), time(12), time(12), time(23, 30)]


class Shop:
    """Customers as the papers tell of them: each with a rate, a loyalty and a mean value."""

    def __init__(self, seed, customers, zone, as_of):
        self.random, self.zone, self.as_of = np.random.default_rng(seed), zone, as_of
        self.days = (as_of - FIRST_DAY).days
        self.tables = {
            "customers": [],
            "orders": [],
            "refunds": [],
            "subscriptions": [],
            "marketing_spend": [
                {
                    "spend_date": FIRST_DAY + timedelta(days=day),
                    "channel": channel,
                    "amount": self.pick(["9.90", "40", "150"]),
                    "currency": self.pick([None, "EUR"]),
                }
                # From before the first order until after as_of; nobody comes from the radio.
                for day in range(-70, self.days + 9, 3)
                for channel in ["email", "referral", "radio"]
                if self.happens(0.4)
            ],
        }
        for number in range(customers):
            customer_id = f"c{number:03}"
            if self.happens(0.8):
                self.add_orders(customer_id)
            if self.happens(0.6):
                self.add_subscriptions(customer_id)
            if self.happens(0.8):
                self.tables["customers"].append(
                    {
                        "customer_id": customer_id,
                        "country": self.pick([None, "DE", "US"]),
                        "acquisition_channel": self.pick([None, "email", "referral"]),
                    }
                )
        for _ in range(20):
            self.add_order(None, self.random.integers(self.days), 20)

    def happens(self, probability):
        return self.random.random() < probability

    def pick(self, values):
        return values[self.random.integers(len(values))]

    def moment(self, day):
        """On that day of the reporting timezone, counted from the first."""
        return in_utc(FIRST_DAY + timedelta(days=int(day)), self.pick(CLOCKS), self.zone)

    def add_orders(self, customer_id):
        """Some of them after as_of."""
        day = self.random.integers(self.days)
        a_day, leaves = self.random.gamma(0.8) / 40, self.random.beta(0.9, 2)
        mean = 80 / self.random.gamma(3.5)
        while day < self.days + 60:
            for _ in range(self.pick([1, 1, 1, 1, 2])):
                self.add_order(customer_id, day, mean)
            if self.happens(leaves):
                break
            day += 1 + self.random.exponential(1 / a_day)

    def add_order(self, customer_id, day, mean):
        amount = Decimal(self.random.gamma(4, mean / 4)).quantize(CENT)
        order = {
            "order_id": f"o{len(self.tables['orders'])}",
            "customer_id": customer_id,
            "ordered_at": self.moment(day),
            "amount": Decimal(0) if self.happens(0.05) else amount,
            "currency": self.pick([None, "USD", "EUR"]),
            "status": self.pick([None, *["paid"] * 20, "cancelled"]),
            "is_test": self.pick([None, *[False] * 20, True]),
        }
        self.tables["orders"].append(order)
        if self.happens(0.2):
            share, later = self.pick([1, 2]), timedelta(days=self.pick([0, 1, 20, 45, 200]))
            self.tables["refunds"].append(
                {
                    "refund_id": order["order_id"],
                    "order_id": order["order_id"],
                    "refunded_at": order["ordered_at"] + later,
                    "amount": (order["amount"] / share).quantize(CENT, ROUND_DOWN),
                    "currency": order["currency"],
                }
            )

    def add_subscriptions(self, customer_id):
        """One, perhaps with a second one beside it, perhaps another one later."""
        day = self.random.integers(self.days)
        end = self.add_subscription(customer_id, day)
        if self.happens(0.15):
            self.add_subscription(customer_id, day + self.random.integers(60))
        if end and self.happens(0.3):
            self.add_subscription(customer_id, end + self.pick([0, 1, 50]))

    def add_subscription(self, customer_id, day):
        """Most end with an interval, some in between; perhaps at another price from some day on."""
        rows = self.tables["subscriptions"]
        interval, number = self.pick(INTERVALS if self.happens(0.94) else RARE_INTERVALS)
        length = float(MONTHS_OF[interval] * number) * 30.4375
        end = day + self.random.geometric(self.random.beta(0.8, 2.5)) * length
        end += self.pick([0, 0, 0, 9])
        started_at = self.moment(day)
        row = {
            "subscription_id": f"s{len(rows)}",
            "customer_id": customer_id,
            "started_at": started_at,
            "effective_at": started_at,
            "amount": self.pick(["0", *["9.99", "30", "120.50"] * 5]),
            "billing_interval": interval,
            "interval_count": number,
            "quantity": self.pick([None, 1, 2]),
            "discount_amount": self.pick([None, None, "2.50"]),
            "currency": self.pick([None, "EUR"]),
            "plan_id": self.pick(["basic", "pro"]),
            "status": None,
            "trial_ends_at": None,
            "current_period_ends_at": None,
            # Some of those who are there on the last day have set an end.
            "ended_at": self.moment(end) if end < self.days + 400 else None,
        }
        rows.append(row)
        if self.happens(0.2) and (changes := day + 5 + self.random.integers(200)) < end:
            terms = {"amount": "45", "billing_interval": self.pick(["month", "year"])}
            rows.append(row | {"effective_at": self.moment(changes)} | terms)
        return end if end < self.days else None


# --- The oracle -----------------------------------------------------------------------------------

CENT = Decimal("0.01")
MONTHS_OF = {"day": Fraction(12, 365), "week": Fraction(12, 52), "month": 1, "year": 12}
MONTH_IN_WEEKS = 30.4375 / 7
PURCHASE_MODELS = ["bg_nbd", "mbg_nbd"]
SBG = "shifted_beta_geometric"
# In the order in which the formulas take them.
NAMES = {
    "bg_nbd": ["r", "alpha", "a", "b"],
    "mbg_nbd": ["r", "alpha", "a", "b"],
    "gamma_gamma": ["p", "q", "v"],
    SBG: ["alpha", "beta"],
}
PARAMETER = ["fit", "model", "billing_interval", "parameter"]
EVERY_MONTH = ("month", 1)


class History(NamedTuple):
    """What is known of a buyer by some day, in weeks; their naive forecast, and what came of it."""

    x: int
    t_x: float
    T: float
    mean_value: float
    naive: int
    later: int


def nearby(parameters, number, factor):
    return [value * factor if n == number else value for n, value in enumerate(parameters)]


def purchase_log_likelihood(model, parameters, x, t_x, T):
    """(log-likelihood, P(alive)) of each: BG/NBD has no chance to leave before the first repeat."""
    r, alpha, a, b = parameters
    first = 1 if model == "mbg_nbd" else 0
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - betaln(a, b)
    alive = common + betaln(a, b + x + first) - (r + x) * np.log(alpha + T)
    with np.errstate(invalid="ignore"):
        left = common + betaln(a + 1, b + x + first - 1) - (r + x) * np.log(alpha + t_x)
    left = np.where((x > 0) | (first > 0), left, -np.inf)
    total = np.logaddexp(alive, left)
    return total, np.exp(alive - total)


def expected_purchases(model, parameters, x, t_x, T, t):
    """(10) of Fader, Hardie and Lee; for MBG/NBD one more time at which the customer stayed."""
    r, alpha, a, b = parameters
    stayed = b + x + (1 if model == "mbg_nbd" else 0)
    _, p_alive = purchase_log_likelihood(model, parameters, x, t_x, T)
    ratio = (alpha + T) / (alpha + T + t)
    bracket = 1 - ratio ** (r + x) * hyp2f1(r + x, stayed, a + stayed - 1, 1 - ratio)
    return (a + stayed - 1) / (a - 1) * bracket * p_alive


def value_log_likelihood(parameters, x, mean):
    p, q, v = parameters
    px = p * x
    return (
        -betaln(px, q)
        + q * np.log(v)
        + (px - 1) * np.log(mean)
        + px * np.log(x)
        - (px + q) * np.log(v + mean * x)
    )


def survival(parameters, renewals):
    alpha, beta = parameters
    return np.exp(betaln(alpha, beta + np.asarray(renewals)) - betaln(alpha, beta))


def anniversary(start, interval, number):
    kind, count = interval
    if kind in ("day", "week"):
        return start + timedelta(days=number * count * {"day": 1, "week": 7}[kind])
    months = number * count * MONTHS_OF[kind]
    return (pd.Timestamp(start) + pd.DateOffset(months=months)).date()


def label(interval):
    kind, count = interval
    return kind if count == 1 else f"{count} {kind}s"


class Oracle(CohortOracle):
    """What the marts must say, given the parameters that they found."""

    def __init__(self, shop, found, zone, as_of, variables):
        super().__init__(shop, found["core.dim_customers"], zone, as_of, 90, 0)
        self.margin = variables.get("gross_margin", 0.7)
        self.horizon = variables["clv_horizon_months"]
        self.discount = variables["annual_discount_rate"]
        self.holdout = variables["clv_holdout_days"]
        self.asked_for = variables.get("clv_model", "champion")
        self.parameters = found["clv.rpt_clv_parameters"]
        self.fits = self.read_fits(self.parameters)
        self.marketing_spend = shop["marketing_spend"]
        self.histories = {
            "scoring": self.histories_until(as_of),
            "holdout": self.histories_until(as_of - timedelta(days=self.holdout)),
        }
        self.last_spells = {customer: self.spells(customer)[-1] for customer in self.paying}
        self.predicted = {
            row["customer_id"]: row["predicted_clv"] for row in found["clv.fct_customer_value"]
        }

    @staticmethod
    def read_fits(rows):
        """The values of each that converged."""
        fits = defaultdict(list)
        for row in sorted(rows, key=lambda row: NAMES[row["model"]].index(row["parameter"])):
            if row["converged"]:
                fits[row["fit"], row["model"], row["billing_interval"]].append(row["value"])
        return dict(fits)

    # What the raw rows say

    def read_orders(self, shop):
        super().read_orders(shop)
        refunds = defaultdict(list)
        for refund in shop["refunds"]:
            refunds[refund["order_id"]].append(refund)
        # Of each customer (day, amount, (day, amount) of its refunds) of every order that counts.
        self.orders = defaultdict(list)
        for order in shop["orders"]:
            if order["status"] != "cancelled" and not order["is_test"]:
                day = self.day(order["ordered_at"])
                amount, *back = (
                    to_cents(exchanged(row["amount"], row["currency"], day))
                    for row in [order, *refunds[order["order_id"]]]
                )
                on = [self.day(refund["refunded_at"]) for refund in refunds[order["order_id"]]]
                refunded = list(zip(on, back, strict=True))
                self.orders[order["customer_id"]].append((day, amount, refunded))

    def read_subscriptions(self, shop):
        super().read_subscriptions(shop)
        # The interval that a spell begins with, by customer and day.
        self.terms = {}
        # What the latest version of a subscription pays, unless it has been set to end.
        committed = {}
        for row in sorted(
            shop["subscriptions"], key=lambda row: (row["effective_at"], row["subscription_id"])
        ):
            mrr = self.prices[row["subscription_id"], row["effective_at"]]
            if mrr > 0:
                start = row["customer_id"], self.day(row["effective_at"])
                self.terms.setdefault(start, (row["billing_interval"], row["interval_count"]))
            if row["effective_at"] < self.as_of_at and row["ended_at"] is None:
                committed[row["subscription_id"]] = row["customer_id"], mrr
        self.committed_mrr = defaultdict(Decimal)
        for customer, mrr in committed.values():
            self.committed_mrr[customer] += mrr

    @staticmethod
    def price(row):
        amount = Decimal(row["amount"]) * (row["quantity"] or 1)
        amount = max(amount - Decimal(row["discount_amount"] or 0), NOTHING)
        months = MONTHS_OF[row["billing_interval"]] * row["interval_count"]
        return amount, row["currency"] or "USD", months

    # Orders

    def histories_until(self, until):
        """The history before that midnight of everyone who had bought by then."""
        histories = {}
        for customer, all_days in self.purchase_days.items():
            days = [day for day in all_days if day < until]
            if days:
                spent = sum(
                    amount - sum(back for refunded_on, back in refunds if refunded_on < until)
                    for day, amount, refunds in self.orders[customer]
                    if days[0] < day < until
                )
                x = len(days) - 1
                recently = until - timedelta(days=self.holdout)
                histories[customer] = History(
                    x,
                    (days[-1] - days[0]).days / 7,
                    ((until - days[0]).days - 1) / 7,
                    float(spent) / x if x else 0,
                    sum(day >= recently for day in days[1:]),
                    len(all_days) - len(days),
                )
        return histories

    def arrays(self, fit):
        return [
            np.array(column, dtype=float)
            for column in zip(*self.histories[fit].values(), strict=True)
        ]

    def expected(self, fit, model, weeks):
        """Expected purchases of each until then; weeks may be a column of times."""
        x, t_x, T, *_ = self.arrays(fit)
        parameters = self.fits[fit, model, "all"]
        return expected_purchases(model, parameters, x, t_x, T, weeks)

    def p_alive(self, fit, model):
        x, t_x, T, *_ = self.arrays(fit)
        return purchase_log_likelihood(model, self.fits[fit, model, "all"], x, t_x, T)[1]

    def forecasts(self):
        """Purchases of each in the holdout, by model."""
        yield "naive", self.arrays("holdout")[4]
        for model in PURCHASE_MODELS:
            yield model, self.expected("holdout", model, self.holdout / 7)

    def champion(self):
        if self.asked_for != "champion":
            return self.asked_for
        actual = self.arrays("holdout")[5]
        errors = {
            model: np.abs(predicted - actual).mean()
            for model, predicted in self.forecasts()
            if model != "naive"
        }
        return min(errors, key=errors.get)

    def rpt_clv_calibration(self):
        actual = self.arrays("holdout")[5]
        for model, predicted in self.forecasts():
            errors = predicted - actual
            yield {
                "model": model,
                "horizon_days": self.holdout,
                "customers": len(actual),
                "actual_purchases": int(actual.sum()),
                "predicted_purchases": predicted.sum(),
                "mae": np.abs(errors).mean(),
                "rmse": np.sqrt((errors**2).mean()),
                "bias": errors.mean(),
                "is_champion": model == self.champion(),
            }

    def order_values(self):
        """What a purchase of each is worth, and all until the horizon."""
        x, _, _, mean, *_ = self.arrays("scoring")
        p, q, v = self.fits["scoring", "gamma_gamma", "all"]
        value = p * (v + x * mean) / (p * x + q - 1)
        months = np.arange(self.horizon + 1)[:, np.newaxis]
        by_month = np.diff(
            self.expected("scoring", self.champion(), months * MONTH_IN_WEEKS), axis=0
        )
        discounted = (by_month / (1 + self.discount) ** (months[1:] / 12)).sum(axis=0)
        return value, discounted * value * self.margin

    # Subscriptions

    def renewals(self, start, end, interval):
        """Those made by who is there; the one that brought the end of who has left."""
        if end == date.max:
            return next(n for n in count() if anniversary(start, interval, n + 1) > self.last_day)
        return next(n for n in count(1) if anniversary(start, interval, n) >= end)

    def subscription_value(self, customer):
        start, end = self.last_spells.get(customer, (None, None))
        if end != date.max:
            return None
        interval = self.terms[customer, start]
        fit = self.fits.get(("scoring", SBG, label(interval)))
        if fit is None:
            interval = EVERY_MONTH
            fit = self.fits["scoring", SBG, "all"]
        made = self.renewals(start, end, interval)
        months = Fraction(MONTHS_OF[interval[0]] * interval[1])
        payments = np.arange(1, ceil(self.horizon / months) + 1)
        chances = survival(fit, made + payments) / survival(fit, made)
        discounts = (1 + self.discount) ** (float(months / 12) * (payments - 1))
        per_interval = float(Fraction(self.committed_mrr[customer]) * months)
        return per_interval * self.margin * (chances / discounts).sum()

    # The fits

    def lifetimes(self, interval):
        """(renewals, whether lost) of each spell that has come to one; 'all' are in months."""
        for customer in self.paying:
            for start, end in self.spells(customer):
                terms = self.terms[customer, start]
                if interval in ("all", label(terms)):
                    in_months = EVERY_MONTH if interval == "all" else terms
                    if renewals := self.renewals(start, end, in_months):
                        yield renewals, end < date.max

    def likelihood(self, fit, model, interval):
        """How many customers or spells have a say, and the log-likelihood of all of them."""
        if model == SBG:
            renewals, is_lost = np.array([*self.lifetimes(interval)], dtype=int).reshape(-1, 2).T

            def log_likelihood(parameters):
                after = survival(parameters, renewals)
                before = survival(parameters, renewals - is_lost)
                return np.log(np.where(is_lost, before - after, after)).sum()

            return len(renewals), log_likelihood
        x, t_x, T, mean, *_ = self.arrays(fit)
        if model == "gamma_gamma":
            x, mean = x[mean > 0], mean[mean > 0]
            return len(x), lambda values: value_log_likelihood(values, x, mean).sum()
        return len(x), lambda values: purchase_log_likelihood(model, values, x, t_x, T)[0].sum()

    def rpt_clv_parameters(self):
        """Takes the values as given; they must be a maximum for the histories counted here."""
        given = {tuple(row[column] for column in PARAMETER): row for row in self.parameters}
        spells = [
            (customer, start) for customer in self.paying for start, _ in self.spells(customer)
        ]
        intervals = {"all", *(label(self.terms[spell]) for spell in spells)}
        fits = [(fit, model, "all") for fit in self.histories for model in NAMES if model != SBG]
        for fit, model, interval in fits + [("scoring", SBG, interval) for interval in intervals]:
            customers, log_likelihood = self.likelihood(fit, model, interval)
            most = self.fits.get((fit, model, interval))
            likelihood = most and log_likelihood(most)
            for number, name in enumerate(NAMES[model]):
                key = fit, model, interval, name
                row = given.get(key, {}) | dict(zip(PARAMETER, key, strict=True))
                if most and any(
                    log_likelihood(nearby(most, number, factor)) >= likelihood
                    for factor in (0.99, 1.01)
                ):
                    row["value"] = "no maximum"
                until = self.as_of - timedelta(days=self.holdout if fit == "holdout" else 0)
                yield row | {
                    "customers": customers,
                    "log_likelihood": likelihood,
                    "fitted_through": until - timedelta(days=1),
                }

    # The marts

    def month_ends(self):
        start = period_of(min(self.first_days().values()), "month")
        return [end for _, end, _, is_complete in self.periods_from(start, "month") if is_complete]

    def first_days(self):
        """The day on which each customer was acquired."""
        first = {customer: days[0] for customer, days in self.purchase_days.items()}
        for customer, stretches in self.paying.items():
            paid = self.day(min(begins for begins, _, _ in stretches))
            first[customer] = min(first.get(customer, paid), paid)
        return first

    @cached_property
    def closing_mrr(self):
        """Of each customer at the end of each month that is over."""
        return {
            customer: {end: self.mrr_at(customer, end) for end in self.month_ends()}
            for customer in self.paying
        }

    @cached_property
    def current_mrr(self):
        return {customer: self.mrr_at(customer, self.as_of) for customer in self.paying}

    def recurring_revenue(self, customer):
        return sum(self.closing_mrr.get(customer, {}).values(), NOTHING)

    def net_revenue(self, customer):
        return sum((amount for _, amount in self.revenue[customer]), NOTHING)

    @cached_property
    def earned(self):
        """Of each customer by month: orders less refunds, and recurring revenue at its end."""
        earned = {customer: defaultdict(Decimal) for customer in self.first_days()}
        for customer, its_months in earned.items():
            for day, amount in self.revenue[customer]:
                its_months[period_of(day, "month")] += amount
            for end, mrr in self.closing_mrr.get(customer, {}).items():
                its_months[period_of(end - timedelta(days=1), "month")] += mrr
        return earned

    def fct_customer_value(self):
        champion = self.champion()
        buyers = list(self.histories["scoring"])
        p_alive = dict(zip(buyers, self.p_alive("scoring", champion), strict=True))
        weeks = np.array([[30], [90], [365]]) / 7
        purchases = dict(
            zip(buyers, self.expected("scoring", champion, weeks).T.tolist(), strict=True)
        )
        values = dict(zip(buyers, zip(*self.order_values(), strict=True), strict=True))
        for customer in self.first_days():
            history = self.histories["scoring"].get(customer)
            order_value = values.get(customer, (None, None))
            subscription_value = self.subscription_value(customer)
            parts = [part for part in (order_value[1], subscription_value) if part is not None]
            yield {
                "customer_id": customer,
                "model": champion if history else None,
                "unscored_reason": None,
                "frequency": history and history.x,
                "recency_days": history and round(history.t_x * 7),
                "age_days": history and round(history.T * 7),
                "p_alive": p_alive.get(customer),
                **dict(
                    zip(
                        [f"expected_orders_{days}d" for days in (30, 90, 365)],
                        purchases.get(customer, [None] * 3),
                        strict=True,
                    )
                ),
                "expected_order_value": order_value[0],
                "historic_net_revenue": self.net_revenue(customer),
                "historic_margin": float(self.net_revenue(customer)) * self.margin,
                "historic_recurring_revenue": self.recurring_revenue(customer),
                "predicted_order_value": order_value[1],
                "predicted_subscription_value": subscription_value,
                "predicted_clv": sum((to_cents(Fraction(part)) for part in parts), NOTHING),
                "as_of": self.as_of,
            }

    def rpt_clv_deciles(self):
        customers, later = list(self.histories["holdout"]), self.arrays("holdout")[5].astype(int)
        for model, predicted in self.forecasts():
            if model == "naive":
                continue
            p_alive = self.p_alive("holdout", model)
            # Those who are equally likely to be alive come in any order that no id foretells.
            hashes = [md5(customer.encode()).hexdigest() for customer in customers]
            ranked = sorted(range(len(customers)), key=lambda n: (round(p_alive[n], 12), hashes[n]))
            for decile, its_ranked in enumerate(np.array_split(ranked, 10), start=1):
                buyers = int((later[its_ranked] > 0).sum())
                low, high = wilson(buyers, len(its_ranked))
                yield {
                    "model": model,
                    "decile": decile,
                    "customers": len(its_ranked),
                    "mean_p_alive": p_alive[its_ranked].mean(),
                    "predicted_purchases": predicted[its_ranked].sum(),
                    "actual_purchases": int(later[its_ranked].sum()),
                    "buyers": buyers,
                    "buyer_rate": rate(buyers, len(its_ranked)),
                    "buyer_ci_low": low,
                    "buyer_ci_high": high,
                    "is_champion": model == self.champion(),
                }

    def spend(self):
        """(day, channel, amount) of the spend that counts."""
        for row in self.marketing_spend:
            if row["spend_date"] < self.as_of:
                amount = exchanged(row["amount"], row["currency"], row["spend_date"])
                yield row["spend_date"], row["channel"], to_cents(amount)

    def rpt_clv_by_cohort(self):
        cohorts = {
            tuple(columns.values()): its_customers
            for columns, its_customers in self.cohorts(self.first_days())
        }
        spend = defaultdict(list)
        for day, channel, amount in self.spend():
            for segment in [("all", "all"), ("acquisition_channel", channel)]:
                for grain in GRAINS:
                    spend[*segment, grain, period_of(day, grain)].append(amount)
        for key in cohorts.keys() | spend.keys():
            *_, grain, start = key
            its_customers = cohorts.get(key, [])
            spent = sum(spend[key]) if key in spend else None
            net = sum(map(self.net_revenue, its_customers), NOTHING)
            recurring = sum(map(self.recurring_revenue, its_customers), NOTHING)
            predicted = sum((self.predicted[customer] for customer in its_customers), NOTHING)
            value = Fraction(net + recurring) * Fraction(str(self.margin)) + Fraction(predicted)
            number = len(its_customers)
            yield dict(zip([*SEGMENT, "period_grain", "cohort_start"], key, strict=True)) | {
                "customers": number,
                "unscored_customers": 0,
                "historic_net_revenue": net,
                "historic_recurring_revenue": recurring,
                "predicted_clv": predicted,
                "clv_per_customer": to_cents(value / number) if number else None,
                "marketing_spend": spent,
                "cac": to_cents(Fraction(spent) / number) if number and spent is not None else None,
                "clv_to_cac": rate(value, spent) if number and spent else None,
                "payback_months": self.payback_months(its_customers, start, spent),
                "is_complete": following(start, grain) <= self.as_of,
            }

    def payback_months(self, customers, start, spent):
        """Calendar months, that of the start included, until the margin reached the spend."""
        if spent is None:
            return None
        earned = NOTHING
        months = self.periods_from(period_of(start, "month"), "month")
        for number, (month, *_) in enumerate(months, start=1):
            earned += sum(self.earned[customer][month] for customer in customers)
            if Fraction(earned) * Fraction(str(self.margin)) >= spent:
                return number
        return None

    def rpt_retention_value(self):
        boundaries = self.month_ends()[-13:]
        for (name, value), members in self.segments.items():
            mrr = {
                customer: self.current_mrr[customer] for customer in members & self.paying.keys()
            }
            total = float(sum(mrr.values()))
            if not total:
                continue
            at_start = lost = 0
            for opening, closing in pairwise(boundaries):
                paid = [one for one in mrr if self.closing_mrr[one][opening]]
                at_start += len(paid)
                lost += sum(not self.closing_mrr[customer][closing] for customer in paid)
            churn = rate(lost, at_start)
            churn_low, churn_high = wilson(lost, at_start)

            def lifetime_value(churn, price=1, total=total):
                if churn is None or churn < 1 / 600:
                    return None
                return total * price * self.margin / churn

            def yearly_revenue(churn, total=total):
                return sum(total * (1 - churn) ** month for month in range(1, 13))

            today = lifetime_value(churn)
            for scenario, points, price in [
                ("today", 0, 1),
                ("retention +1 point", 0.01, 1),
                ("retention +5 points", 0.05, 1),
                ("price +1 %", 0, 1.01),
                ("price +10 %", 0, 1.1),
            ]:
                then = None if churn is None or churn < points else churn - points
                worth = lifetime_value(then, price)
                yearly = 12 * total * (price - 1)
                if points:
                    yearly = None if then is None else yearly_revenue(then) - yearly_revenue(churn)
                is_known = worth is not None and today is not None
                yield {
                    "segment_name": name,
                    "segment_value": value,
                    "scenario": scenario,
                    "mrr": sum(mrr.values()),
                    "subscribers": sum(amount > 0 for amount in mrr.values()),
                    "churns": lost,
                    "months_at_risk": at_start,
                    "monthly_churn_rate": then,
                    "churn_ci_low": churn_low,
                    "churn_ci_high": churn_high,
                    "lifetime_value": worth,
                    "change_in_lifetime_value": worth - today if is_known else None,
                    "change_in_yearly_revenue": yearly,
                }


# --- The comparison -------------------------------------------------------------------------------

KEYS = {
    "clv.rpt_clv_parameters": PARAMETER,
    "clv.fct_customer_value": ["customer_id"],
    "clv.rpt_clv_calibration": ["model"],
    "clv.rpt_clv_deciles": ["model", "decile"],
    "clv.rpt_clv_by_cohort": [*SEGMENT, "period_grain", "cohort_start"],
    "clv.rpt_retention_value": [*SEGMENT, "scenario"],
}


def is_same(expected, found):
    if isinstance(expected, float) and isinstance(found, Decimal):
        # Rounded to the cent, once.
        return abs(float(found) - expected) <= 0.005 + 1e-9 * abs(expected)
    if isinstance(expected, float) and isinstance(found, float):
        return isclose(expected, found, rel_tol=1e-8, abs_tol=1e-10)
    return type(expected) is type(found) and expected == found


CASES = {
    "utc": ("UTC", date(2025, 10, 1), {}),
    "west": ("America/New_York", date(2025, 11, 12), {"gross_margin": 0.45}),
    "east": ("Asia/Kolkata", date(2025, 8, 29), {"clv_model": "bg_nbd"}),
}


@pytest.mark.parametrize("case", CASES)
@given(seed=st.integers(0, 2**64))
@settings(max_examples=settings().max_examples // len(CASES), phases=[Phase.generate])
def test_every_number_is_what_the_oracle_says(warehouse, case, seed):
    """Each case is a large shop. There is nothing to shrink: customers stand by themselves."""
    timezone, as_of, policy = CASES[case]
    zone = ZoneInfo(timezone)
    shop = Shop(seed, 600, zone, as_of).tables
    variables = {"reporting_timezone": timezone, "as_of_date": as_of.isoformat(), **policy}
    warehouse.build(shop, variables)
    marts = ["core.dim_customers", *KEYS]
    with duckdb.connect(warehouse.warehouse, read_only=True) as connection:
        found = {mart: CohortWarehouse.rows_of(connection, mart) for mart in marts}
    oracle = Oracle(shop, found, zone, as_of, PARSED | policy)
    wrong = []
    for mart, key in KEYS.items():
        expected = getattr(oracle, mart.split(".")[1])()
        wrong += [
            f"{mart}: {difference}"
            for difference in differences(expected, found[mart], key, is_same)
        ]
    assert not wrong, f"{len(wrong)} differences\n" + "\n".join(wrong[:40])


# --- Published ------------------------------------------------------------------------------------


def test_renewals_of_published_segments_are_fitted_as_published(warehouse):
    """A segment each by the year and by twelve months, so that each is fitted on its own."""
    terms = {
        "sbg-high-end": {"billing_interval": "year", "interval_count": 1},
        "sbg-regular": {"billing_interval": "month", "interval_count": 12},
    }
    shop = [row | terms[row["plan_id"]] for row in survivor_subscriptions()]
    warehouse.build({"subscriptions": shop}, {"as_of_date": AS_OF.isoformat()})
    found = warehouse.rows(
        "select billing_interval, parameter, value from clv.rpt_clv_parameters"
        f" where model = '{SBG}' and billing_interval <> 'all'"
    )
    assert {(interval, name): value for interval, name, value in found} == pytest.approx(
        {
            ("year", "alpha"): 0.668,
            ("year", "beta"): 3.806,
            ("12 months", "alpha"): 0.704,
            ("12 months", "beta"): 1.182,
        },
        abs=5e-4,
    )


# --- Bad luck -------------------------------------------------------------------------------------

OPENING = datetime(2015, 1, 1, 12)


def bought(days_of_customers, value=None, q=3.5):
    """An order of each customer on each of their days after the opening.

    Of some value, or else (Gamma-Gamma) of values around a mean that each customer has.
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
    """The days on which each customer buys who comes in the first third of so many days."""
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
    """A third still subscribes; of the others most left after the first month."""
    months = [1, 1, 2, 1, 5, 1, 3, 1, 9, 2, 1]
    return [(n % 300, n % 300 + 31 * months[n % 11] if n % 3 else None) for n in range(customers)]


class BadLuck(NamedTuple):
    """A shop; a reason for each fit that it has (None where it converges); who is worth what.

    Whose value is known in part has the columns that are known, and the reason for the others.
    """

    tables: dict
    fits: dict
    outlook: dict
    variables: dict | None = None


ALIVE = {"model", "p_alive", "expected_orders_365d"}
BUYER = ALIVE | {"expected_order_value", "predicted_order_value", "predicted_clv"}
SUBSCRIBER = {"predicted_subscription_value", "predicted_clv"}
# Parameters that all run away are noticed one by one, which of them first is up to rounding.
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
    # All within the holdout. What purchases are worth can be told sooner than who comes again.
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


def matches(pattern, reason):
    return reason is None if pattern is None else re.fullmatch(pattern, reason or "") is not None


@pytest.mark.parametrize("shop", SHOPS)
def test_what_cannot_be_known_is_left_out_with_a_reason(warehouse, shop):
    tables, fits, outlook, variables = SHOPS[shop]
    warehouse.build(tables, variables)

    reasons = dict(
        warehouse.rows(
            f"select distinct case model when '{SBG}' then model || ', ' || billing_interval"
            " else model end, reason from clv.rpt_clv_parameters where fit = 'scoring'"
        )
    )
    assert reasons.keys() == fits.keys()
    assert {fit: reason for fit, reason in reasons.items() if not matches(fits[fit], reason)} == {}

    columns = sorted(BUYER | SUBSCRIBER)
    is_known = ", ".join(f"{column} is not null" for column in columns)
    found = warehouse.rows(
        f"""
        select distinct
            case
                when frequency is null and current_mrr = 0 then 'former subscriber'
                when frequency is null then 'subscriber'
                when current_mrr > 0 then 'subscriber who buys'
                when frequency = 0 then 'one-time buyer'
                else 'buyer'
            end,
            unscored_reason,
            {is_known}
        from clv.fct_customer_value
        inner join core.dim_customers using (customer_id)
        """
    )
    # Most shops have nothing else to say of those who bought once.
    outlook = {"one-time buyer": outlook.get("buyer"), **outlook}
    for kind, reason, *flags in found:
        pattern, known = outlook[kind]
        assert matches(pattern, reason), (kind, reason)
        assert {column for column, flag in zip(columns, flags, strict=True) if flag} == known, kind
    assert {kind for kind, *_ in found} >= outlook.keys() - {"buyer", "one-time buyer"}
    assert_all_numbers_are_finite(warehouse)


def assert_all_numbers_are_finite(warehouse):
    columns = warehouse.rows(
        "select table_name, column_name from duckdb_columns()"
        " where schema_name = 'clv' and data_type = 'DOUBLE'"
    )
    assert columns
    for table, column in columns:
        found = warehouse.rows(f"select {column} from clv.{table} where not isfinite({column})")
        assert found == [], (table, column)


def test_a_whale_is_valued_like_everyone_else(warehouse):
    """A purchase on each of 2,200 days: everything stays finite, and more of them are expected."""
    shop = {"orders": bought([range(2200), *usual_days(300, 2200)])}
    warehouse.build(shop)
    assert warehouse.rows(
        f"select distinct reason from clv.rpt_clv_parameters where model <> '{SBG}'"
    ) == [(None,)]
    assert_all_numbers_are_finite(warehouse)
    [(frequency, p_alive, *purchases)] = warehouse.rows(
        "select frequency, p_alive, expected_orders_30d, expected_orders_90d, expected_orders_365d"
        " from clv.fct_customer_value where customer_id = 'c0'"
    )
    assert frequency == 2_199
    assert p_alive > 0.99
    assert purchases == pytest.approx([30, 90, 365], rel=0.1)
    assert warehouse.rows(
        "select count(*) from clv.fct_customer_value where predicted_clv is null"
    ) == [(0,)]


def test_the_summary_of_the_run_warns(build):
    """In the sample few subscribe for a year, and most who are forecast do not come back."""
    lines = [line for line in build.stdout.splitlines() if line.startswith("Warning: ")]
    assert re.fullmatch(
        "Warning: mbg_nbd, which predicts orders, is no better than the naive forecast:"
        r" mean absolute error 0\.[0-9]{4} against 0\.[0-9]{4} in the holdout",
        lines[0],
    )
    assert re.fullmatch(
        r"Warning: no fit of shifted_beta_geometric \(scoring, year\): too few customers: [0-9]+,"
        " at least 50 are needed",
        lines[1],
    )
