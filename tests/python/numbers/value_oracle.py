"""What customers are worth, counted a second time from the formulas of the papers."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from hashlib import md5
from itertools import count, pairwise
from math import ceil
from typing import NamedTuple

import numpy as np
import pandas as pd
from cohort_oracle import CohortOracle
from scipy.special import betaln, gammaln, hyp2f1
from shops.oracle import (
    DAY,
    GRAINS,
    MONTHS_OF,
    NOTHING,
    SEGMENT,
    exchanged,
    following,
    interval_name,
    period_of,
    rate,
    to_cents,
    wilson,
)

MONTH_IN_WEEKS = 30.4375 / 7
PURCHASE_MODELS = ["bg_nbd", "mbg_nbd"]
SBG = "shifted_beta_geometric"
# In the order in which the formulas take them.
NAMES = {
    "bg_nbd": ["r", "alpha", "a", "b"],
    "mbg_nbd": ["r", "alpha", "a", "b"],
    "gamma_gamma": ["p", "q", "v", "mean", "own_share"],
    SBG: ["alpha", "beta"],
}
PARAMETER = ["trained_on", "model", "billing_interval", "parameter"]
EVERY_MONTH = ("month", 1)


class History(NamedTuple):
    """What is known of a buyer by some day, in weeks; a naive forecast; and what came later."""

    x: int
    t_x: float
    T: float
    mean_value: float
    naive: int
    later: int


def nearby(parameters, number, factor):
    return [value * factor if n == number else value for n, value in enumerate(parameters)]


def purchase_log_likelihood(model, parameters, x, t_x, T):
    """(log-likelihood, P(alive)) of each. In BG/NBD nobody can leave before the first repeat."""
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
    """(10) of Fader, Hardie and Lee. In MBG/NBD the customer stayed one more time."""
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


class ValueOracle(CohortOracle):
    """What the marts of customer value must say, given the parameters that they found."""

    def __init__(self, shop, found, zone, as_of, variables):
        observed_from = variables.get("subscriptions_observed_from", "")
        super().__init__(
            *(shop, found["core.dim_customers"], zone, as_of, 90, 0),
            subscriptions_observed_from=observed_from,
        )
        self.margin = variables.get("gross_margin", 0.7)
        self.horizon = variables["clv_horizon_months"]
        self.discount = variables["annual_discount_rate"]
        self.holdout = variables["clv_holdout_days"]
        self.asked_for = variables.get("clv_model", "champion")
        self.parameters = found["clv.rpt_clv_parameters"]
        self.fits = self.read_fits(self.parameters)
        self.marketing_spend = shop["marketing_spend"]
        self.histories = {
            "all_data": self.histories_until(as_of),
            "calibration": self.histories_until(as_of - timedelta(days=self.holdout)),
        }
        self.last_spells = {customer: self.spells(customer)[-1] for customer in self.paying}
        self.predicted, self.reasons = (
            {row["customer_id"]: row[column] for row in found["clv.fct_customer_value"]}
            for column in ("predicted_clv", "unscored_reason")
        )

    @staticmethod
    def read_fits(rows):
        """The values of each fit that converged."""
        fits = defaultdict(list)
        for row in sorted(rows, key=lambda row: NAMES[row["model"]].index(row["parameter"])):
            if row["converged"]:
                fits[row["trained_on"], row["model"], row["billing_interval"]].append(row["value"])
        return dict(fits)

    # What the raw rows say

    def read_orders(self, shop):
        super().read_orders(shop)
        # By customer, the purchases that count: (day, amount, [(day, amount) of each refund]).
        self.orders = defaultdict(list)
        for order in shop["orders"]:
            if order["status"] != "cancelled" and not order["is_test"]:
                day = self.day(order["ordered_at"])
                amount = to_cents(exchanged(order["amount"], order["currency"], day))
                refunded = self.refunds.of_orders[order["order_id"]]
                if order["subscription_id"] is None:
                    self.orders[order["customer_id"]].append((day, amount, refunded))

    def read_subscriptions(self, shop, policy):
        super().read_subscriptions(shop, policy)
        # The billing interval with which a spell begins, by customer and day.
        self.terms = {}
        self.committed_mrr = defaultdict(Decimal)
        for customer, stretches in self.subscriptions.paying.items():
            for one in sorted(stretches, key=lambda one: (one.pays_from, one.subscription_id)):
                interval = one.row["billing_interval"], one.row["interval_count"]
                self.terms.setdefault((customer, self.day(one.pays_from)), interval)
                if one.pays_to is None and not one.is_set_to_end_before(self.as_of_at):
                    self.committed_mrr[customer] += one.mrr

    # Orders

    def histories_until(self, until):
        """The histories up to that midnight, of all customers who had bought by then."""
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

    def one_price(self, until):
        """What an order brings after refunds, if by then all orders have cost the same."""
        orders = [
            (amount, sum(back for refunded_on, back in refunds if refunded_on < until))
            for customer, its_orders in self.orders.items()
            for day, amount, refunds in its_orders
            if customer is not None and day < until
        ]
        amounts = {amount for amount, _ in orders}
        if len(amounts) != 1:
            return None
        return float(sum(amount - back for amount, back in orders) / len(orders))

    def arrays(self, fit):
        return [
            np.array(column, dtype=float)
            for column in zip(*self.histories[fit].values(), strict=True)
        ]

    def expected(self, fit, model, weeks):
        """Expected purchases of each within so many weeks, which may be a column of times."""
        x, t_x, T, *_ = self.arrays(fit)
        parameters = self.fits[fit, model, "all"]
        return expected_purchases(model, parameters, x, t_x, T, weeks)

    def p_alive(self, fit, model):
        x, t_x, T, *_ = self.arrays(fit)
        return purchase_log_likelihood(model, self.fits[fit, model, "all"], x, t_x, T)[1]

    def forecasts(self):
        """The forecast purchases of each in the holdout, by model. Without a fit there is none."""
        yield "naive", self.arrays("calibration")[4]
        for model in PURCHASE_MODELS:
            if self.is_fitted("calibration", model):
                yield model, self.expected("calibration", model, self.holdout / 7)

    def is_fitted(self, fit, model):
        return (fit, model, "all") in self.fits

    @cached_property
    def champion(self):
        """The best forecast, or the one asked for, of the models with both fits; or nobody."""
        actual = self.arrays("calibration")[5]
        errors = {
            model: np.abs(predicted - actual).mean()
            for model, predicted in self.forecasts()
            if self.is_fitted("all_data", model) and self.asked_for in ("champion", model)
        }
        return min(errors, key=errors.get, default=None)

    @cached_property
    def scorer(self):
        """The model asked for needs no trial."""
        is_enough = self.is_fitted("all_data", self.asked_for)
        return self.asked_for if is_enough else self.champion

    def rpt_clv_calibration(self):
        actual = self.arrays("calibration")[5]
        forecasts = dict(self.forecasts())
        for model in ["naive", *PURCHASE_MODELS]:
            if model not in forecasts:
                nothing = dict.fromkeys(
                    ["actual_purchases", "predicted_purchases", "mae", "rmse", "bias"]
                )
                yield nothing | {
                    "model": model,
                    "horizon_days": self.holdout,
                    "customers": 0,
                    "is_champion": False,
                }
                continue
            predicted = forecasts[model]
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
                "is_champion": model == self.champion,
            }

    def order_values(self):
        """The worth of one purchase of each, and of all until the horizon if a model scores."""
        x, _, _, mean, *_ = self.arrays("all_data")
        if (price := self.one_price(self.as_of)) is None:
            p, q, v = self.fits["all_data", "gamma_gamma", "all"]
            value = p * (v + x * mean) / (p * x + q - 1)
        else:
            value = np.full(len(x), price)
        if not self.scorer:
            return value, [None] * len(value)
        months = np.arange(self.horizon + 1)[:, np.newaxis]
        by_month = np.diff(self.expected("all_data", self.scorer, months * MONTH_IN_WEEKS), axis=0)
        discounted = (by_month / (1 + self.discount) ** (months[1:] / 12)).sum(axis=0)
        return value, discounted * value * self.margin

    # Subscriptions

    def renewals(self, start, end, interval):
        """The renewals made by a customer who is there, or the one that a lost customer missed."""
        if end == date.max:
            return next(n for n in count() if anniversary(start, interval, n + 1) > self.last_day)
        return next(n for n in count(1) if anniversary(start, interval, n) >= end)

    def subscription_value(self, customer):
        start, end = self.last_spells.get(customer, (None, None))
        if end != date.max:
            return None
        interval = self.terms[customer, start]
        fit = self.fits.get(("all_data", SBG, interval_name(*interval)))
        if fit is None:
            interval = EVERY_MONTH
            fit = self.fits["all_data", SBG, "all"]
        made = self.renewals(start, end, interval)
        months = Fraction(MONTHS_OF[interval[0]] * interval[1])
        payments = np.arange(1, ceil(self.horizon / months) + 1)
        chances = survival(fit, made + payments) / survival(fit, made)
        discounts = (1 + self.discount) ** (float(months / 12) * (payments - 1))
        per_interval = float(Fraction(self.committed_mrr[customer]) * months)
        return per_interval * self.margin * (chances / discounts).sum()

    # The fits

    def renewals_before_entry(self, start, interval):
        """The renewals that were due before all of an interval was observed."""
        if start >= self.observed_from:
            return 0
        return next(n for n in count() if anniversary(start, interval, n) >= self.observed_from)

    def lifetimes(self, interval):
        """(renewals, those before the entry, is lost) of each spell; 'all' counts in months.

        It must have come to a renewal at which it was observed.
        """
        for customer in self.paying:
            for start, end in self.spells(customer):
                terms = self.terms[customer, start]
                if interval in ("all", interval_name(*terms)):
                    in_months = EVERY_MONTH if interval == "all" else terms
                    renewals = self.renewals(start, end, in_months)
                    before_entry = self.renewals_before_entry(start, in_months)
                    if renewals > before_entry:
                        yield renewals, before_entry, end < date.max

    def likelihood(self, fit, model, interval):
        """The number of customers or spells that count, and their log-likelihood."""
        if model == SBG:
            lifetimes = np.array([*self.lifetimes(interval)], dtype=int).reshape(-1, 3)
            renewals, before_entry, is_lost = lifetimes.T

            def log_likelihood(parameters):
                after = survival(parameters, renewals)
                before = survival(parameters, renewals - is_lost)
                seen = survival(parameters, before_entry)
                return np.log(np.where(is_lost, before - after, after) / seen).sum()

            return len(renewals), log_likelihood
        x, t_x, T, mean, *_ = self.arrays(fit)
        if model == "gamma_gamma":
            x, mean = x[mean > 0], mean[mean > 0]
            return len(x), lambda values: value_log_likelihood(values, x, mean).sum()
        return len(x), lambda values: purchase_log_likelihood(model, values, x, t_x, T)[0].sum()

    def rpt_clv_parameters(self):
        """The found values, which must be a maximum for the histories counted here."""
        given = {tuple(row[column] for column in PARAMETER): row for row in self.parameters}
        spells = [
            (customer, start) for customer in self.paying for start, _ in self.spells(customer)
        ]
        intervals = {"all", *(interval_name(*self.terms[spell]) for spell in spells)}
        fits = [(fit, model, "all") for fit in self.histories for model in NAMES if model != SBG]
        for fit, model, interval in fits + [("all_data", SBG, interval) for interval in intervals]:
            until = self.as_of - timedelta(days=self.holdout if fit == "calibration" else 0)
            price = self.one_price(until) if model == "gamma_gamma" else None
            if price is not None:
                yield from self.parameters_of_one_price(fit, price, until)
                continue
            customers, log_likelihood = self.likelihood(fit, model, interval)
            most = self.fits.get((fit, model, interval))
            likelihood = most and log_likelihood(most)
            names = NAMES[model][:3] if model == "gamma_gamma" else NAMES[model]
            for number, name in enumerate(names):
                key = fit, model, interval, name
                row = given.get(key, {}) | dict(zip(PARAMETER, key, strict=True))
                if most and any(
                    log_likelihood(nearby(most, number, factor)) >= likelihood
                    for factor in (0.99, 1.01)
                ):
                    row["value"] = "no maximum"
                yield row | {
                    "customers": customers,
                    "log_likelihood": likelihood,
                    "fitted_through": until - DAY,
                }

    def parameters_of_one_price(self, fit, price, until):
        """Nothing is fitted, and the reason says which price is expected."""
        given = {tuple(row[column] for column in PARAMETER): row for row in self.parameters}
        for name, value in [("mean", price), ("own_share", 0.0)]:
            key = fit, "gamma_gamma", "all", name
            reason = given[key]["reason"]
            yield dict(zip(PARAMETER, key, strict=True)) | {
                "value": value,
                "log_likelihood": None,
                "customers": len(self.histories[fit]),
                "converged": True,
                "reason": reason if f"{price:.2f}" in reason else "the price",
                "fitted_through": until - DAY,
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
        """The MRR of each customer at the end of each month that is over."""
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
        """Money of each customer by month: orders less refunds, and the MRR at the end."""
        earned = {customer: defaultdict(Decimal) for customer in self.first_days()}
        for customer, its_months in earned.items():
            for day, amount in self.revenue[customer]:
                its_months[period_of(day, "month")] += amount
            for end, mrr in self.closing_mrr.get(customer, {}).items():
                its_months[period_of(end - DAY, "month")] += mrr
        return earned

    def fct_customer_value(self):
        buyers = list(self.histories["all_data"])
        p_alive, purchases = {}, {}
        if self.scorer:
            weeks = np.array([[30], [90], [365]]) / 7
            expected = self.expected("all_data", self.scorer, weeks).T.tolist()
            purchases = dict(zip(buyers, expected, strict=True))
            p_alive = dict(zip(buyers, self.p_alive("all_data", self.scorer), strict=True))
        values = dict(zip(buyers, zip(*self.order_values(), strict=True), strict=True))
        for customer, acquired_on in self.first_days().items():
            history = self.histories["all_data"].get(customer)
            order_value = values.get(customer, (None, None))
            subscription_value = self.subscription_value(customer)
            parts = [part for part in (order_value[1], subscription_value) if part is not None]
            is_unscored = history and not self.scorer
            yield {
                "customer_id": customer,
                "model": self.scorer if history else None,
                "unscored_reason": self.reason_for(customer) if is_unscored else None,
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
                "predicted_clv": None
                if is_unscored
                else sum((to_cents(Fraction(part)) for part in parts), NOTHING),
                "acquired_on": acquired_on,
                "first_order_date": self.purchase_days.get(customer, [None])[0],
                "as_of": self.as_of,
            }

    def reason_for(self, customer):
        """The reason given to the customer, which must be that of a fit which failed."""
        reason = self.reasons[customer] or ""
        failures = {
            row["reason"]
            for row in self.parameters
            if row["model"] in PURCHASE_MODELS and not row["converged"]
        }
        is_known = any(failure in reason for failure in failures)
        return reason if is_known else "the reason of a fit that failed"

    def rpt_clv_deciles(self):
        customers, later = (
            list(self.histories["calibration"]),
            self.arrays("calibration")[5].astype(int),
        )
        for model, predicted in self.forecasts():
            if model == "naive":
                continue
            p_alive = self.p_alive("calibration", model)
            # A hash orders customers with the same P(alive), so that their ids do not.
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
                    "is_champion": model == self.champion,
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
            values = [self.predicted[customer] for customer in its_customers]
            number, unscored = len(its_customers), values.count(None)
            predicted = None if unscored else sum(values, NOTHING)
            value = None
            if not unscored:
                value = Fraction(net + recurring) * Fraction(str(self.margin)) + Fraction(predicted)
            yield dict(zip([*SEGMENT, "period_grain", "cohort_start"], key, strict=True)) | {
                "customers": number,
                "unscored_customers": unscored,
                "historic_net_revenue": net,
                "historic_recurring_revenue": recurring,
                "predicted_clv": predicted,
                "clv_per_customer": to_cents(value / number) if number and not unscored else None,
                "marketing_spend": spent,
                "cac": to_cents(Fraction(spent) / number) if number and spent is not None else None,
                "clv_to_cac": rate(value, spent)
                if number and spent is not None and spent > 0 and not unscored
                else None,
                "payback_months": self.payback_months(its_customers, start, spent),
                "is_complete": following(start, grain) <= self.as_of,
            }

    def payback_months(self, customers, start, spent):
        """Calendar months until the margin reached the spend, the month of the start included."""
        if spent is None or not customers:
            return None
        if spent <= 0:
            return 1
        # Renewals and credit notes may be older than the cohort.
        earned = sum(
            amount
            for customer in customers
            for month, amount in self.earned[customer].items()
            if month < period_of(start, "month")
        )
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
                if opening < self.observed_from:
                    continue
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
