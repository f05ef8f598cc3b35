"""What plays brought, counted from their enrolments by hand: customer by customer, test by test."""

from collections import defaultdict
from datetime import timedelta
from fractions import Fraction
from math import hypot, sqrt
from statistics import NormalDist, fmean, stdev

from scipy.stats import fisher_exact, ttest_ind
from shops.oracle import SEGMENTS, rate, to_cents, wilson

MEASURES = {
    "recency": "days_since_last_purchase",
    "frequency": "purchases_before",
    "value": "revenue_before",
}
POWER = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(0.8)
SUFFIXES = {"treatment": "treated", "holdout": "held_out"}
LEAST_CUSTOMERS, LEAST_CONVERSIONS = 10, 5


def months_from(first, last):
    return (last.year - first.year) * 12 + last.month - first.month + 1


def newcombe(hits, size, other_hits, other_size):
    low, high = wilson(hits, size)
    other_low, other_high = wilson(other_hits, other_size)
    one, other = hits / size, other_hits / other_size
    return (
        one - other - hypot(one - low, other_high - other),
        one - other + hypot(high - one, other - other_low),
    )


class PlayResultsOracle:
    """`enrolments` are rows of fct_play_enrollments, `attributes` a dict by customer."""

    def __init__(self, enrolments, attributes, as_of, worth_knowing):
        self.enrolments = [row for row in enrolments if row["is_first"]]
        self.attributes, self.as_of, self.worth_knowing = attributes, as_of, worth_knowing
        self.months = defaultdict(list)
        for row in self.enrolments:
            self.months[row["play_id"], row["enrolled_on"].replace(day=1)].append(row)

    def is_complete(self, play_id, month):
        is_over = (month + timedelta(days=32)).replace(day=1) <= self.as_of
        return is_over and all(row["is_window_complete"] for row in self.months[play_id, month])

    def segments_of(self, row):
        attributes = self.attributes.get(row["customer_id"], {})
        yield "all", "all"
        for name in SEGMENTS:
            yield name, attributes.get(name, "(none)")

    def rpt_play_results(self):
        cells, lengths = defaultdict(list), {}
        for (play_id, month), rows in self.months.items():
            is_complete = self.is_complete(play_id, month)
            if is_complete:
                first = min(month for its_play, month in self.months if its_play == play_id)
                length = months_from(first, month)
                lengths[play_id] = max(length, lengths.get(play_id, 0))
            for row in rows:
                for segment in self.segments_of(row):
                    cells[*segment, play_id, month].append(row)
                    cells[*segment, play_id, None] += [row] if is_complete else []
        for (name, value, play_id, month), rows in cells.items():
            key = {
                "segment_name": name,
                "segment_value": value,
                "play_id": play_id,
                "period_grain": "month" if month else "all",
                "month": month,
            }
            if month and not self.is_complete(play_id, month):
                yield key | self.unknown(rows)
            else:
                result = self.result(rows, 1 if month else lengths.get(play_id, 0))
                # How long it takes is told of a play, and not of its months.
                unknown = {"customers_to_tell": None, "months_to_tell": None} if month else {}
                yield key | result | unknown

    @staticmethod
    def unknown(rows):
        arms = [row["arm"] for row in rows]
        sizes = {suffix: arms.count(arm) for arm, suffix in SUFFIXES.items()}
        return dict.fromkeys(RESULTS) | sizes | {"is_complete": False}

    def result(self, rows, months):
        found = dict.fromkeys(RESULTS) | {"is_complete": True, "months": months}
        arms = {arm: [row for row in rows if row["arm"] == arm] for arm in SUFFIXES}
        for arm, suffix in SUFFIXES.items():
            size = len(arms[arm])
            converted = sum(row["is_converted"] for row in arms[arm])
            low, high = wilson(converted, size)
            found |= {
                suffix: size,
                f"converted_{suffix}": converted,
                f"rate_{suffix}": rate(converted, size),
                f"rate_{suffix}_ci_low": low,
                f"rate_{suffix}_ci_high": high,
                f"revenue_{suffix}": money(arms[arm], "revenue_in_window"),
                f"margin_{suffix}": money(arms[arm], "margin_in_window"),
            }
        found["offer_cost"] = money(arms["treatment"], "offer_cost")
        found["contact_cost"] = money(arms["treatment"], "contact_cost")
        if not arms["treatment"]:
            return found | {"verdict": "no data"}
        if not arms["holdout"]:
            return found | {"verdict": "no holdout"}
        return found | self.comparison(found, arms, months)

    def comparison(self, found, arms, months):
        treated, held_out = found["treated"], found["held_out"]
        counts = found["converted_treated"], treated, found["converted_held_out"], held_out
        low, high = newcombe(*counts)
        lift = rate(counts[0], treated) - rate(counts[2], held_out)
        table = [[counts[0], treated - counts[0]], [counts[2], held_out - counts[2]]]
        margin = (
            Fraction(found["margin_treated"]) / treated
            - Fraction(found["margin_held_out"]) / held_out
        ) * treated - Fraction(found["offer_cost"] + found["contact_cost"])
        verdict, to_tell = "works" if low > 0 else "harms" if high < 0 else "too early to say", None
        if min(treated, held_out) < LEAST_CUSTOMERS:
            verdict = "too early to say"
        if verdict == "too early to say" and counts[2] >= LEAST_CONVERSIONS:
            to_tell = customers_to_tell(
                rate(counts[2], held_out), treated, held_out, self.worth_knowing
            )
        return {
            "lift": lift,
            "lift_ci_low": low,
            "lift_ci_high": high,
            "p_value": float(fisher_exact(table).pvalue),
            "incremental_customers": treated * lift,
            "incremental_customers_ci_low": treated * low,
            "incremental_customers_ci_high": treated * high,
            "incremental_margin": to_cents(margin),
            "reach_of_margin": reach_of_margin(arms),
            "customers_to_tell": to_tell,
            "months_to_tell": to_tell
            if to_tell is None
            else to_tell * months / (treated + held_out),
            "verdict": verdict,
        }

    def rpt_play_balance(self):
        for play_id in {play_id for play_id, _ in self.months}:
            for measure, column in MEASURES.items():
                values = {
                    arm: [
                        float(row[column])
                        for row in self.enrolments
                        if row["play_id"] == play_id
                        and row["arm"] == arm
                        and row[column] is not None
                    ]
                    for arm in SUFFIXES
                }
                one, other = values.values()
                difference, errors = None, None
                if min(len(one), len(other)) > 1 and stdev(one) + stdev(other) > 0:
                    deviation = sqrt((stdev(one) ** 2 + stdev(other) ** 2) / 2)
                    difference = (fmean(one) - fmean(other)) / deviation
                    errors = float(ttest_ind(one, other).statistic)
                yield {
                    "play_id": play_id,
                    "measure": measure,
                    "treated": len(one),
                    "held_out": len(other),
                    "mean_treated": fmean(one) if one else None,
                    "mean_held_out": fmean(other) if other else None,
                    "standardised_difference": difference,
                    "standard_errors": errors,
                }


def customers_to_tell(rate_held_out, treated, held_out, lift):
    """Customers of both arms until the lift shows in 80 of 100 cases; None if it cannot be."""
    higher = rate_held_out + lift
    if higher > 1:
        return None
    spread = higher * (1 - higher) / treated + rate_held_out * (1 - rate_held_out) / held_out
    return (POWER / lift) ** 2 * (treated + held_out) * spread


def money(rows, column):
    return to_cents(sum((Fraction(row[column]) for row in rows), Fraction(0)))


def reach_of_margin(arms):
    """Half the width of Welch's interval of all the treated, or None."""
    margins = [[float(row["margin_in_window"]) for row in rows] for rows in arms.values()]
    if min(map(len, margins)) < LEAST_CUSTOMERS or all(len(set(values)) == 1 for values in margins):
        return None
    interval = ttest_ind(*margins, equal_var=False).confidence_interval(0.95)
    return (interval.high - interval.low) / 2 * len(margins[0])


RESULTS = [
    "months",
    *(
        f"{name}_{suffix}{end}"
        for suffix in SUFFIXES.values()
        for name, ends in {
            "converted": [""],
            "rate": ["", "_ci_low", "_ci_high"],
            "revenue": [""],
            "margin": [""],
        }.items()
        for end in ends
    ),
    *("lift", "lift_ci_low", "lift_ci_high", "p_value", "incremental_customers"),
    *("incremental_customers_ci_low", "incremental_customers_ci_high"),
    *("offer_cost", "contact_cost", "incremental_margin", "reach_of_margin"),
    *("customers_to_tell", "months_to_tell", "verdict"),
]
