"""The hard cases of recurring revenue and churn, and how often a shop holds each of them.
HARD_CASES has the cases by kind of thing: a case is a name, and a condition on one thing of that
kind. things_of finds the things in a shop.
"""

from collections import Counter
from itertools import pairwise

from churn_oracle import MOVEMENTS, STOPPING_STATUSES
from shops.oracle import MONTHS_OF

HARD_CASES = {
    # A raw row, how often it was delivered, and whether it is the newest row of its moment.
    "rows": {
        "test rows": lambda row, times, is_latest: row["is_test"],
        "rows sent again": lambda row, times, is_latest: times > 1,
        "older versions": lambda row, times, is_latest: not row["is_test"] and not is_latest,
    },
    # A version of a subscription, and its price at the exchange rate of its own first day.
    "versions": {
        "past due": lambda one, price: one.status == "past_due",
        "rates that moved": lambda one, price: one.mrr != price,
        "spent requests": lambda one, price: (
            one.row["cancel_requested_at"] and not one.cancel_requested_at
        ),
        "told before or after the start": lambda one, price: one.in_force_from != one.valid_from,
    },
    # Two versions of a subscription, one after the other.
    "pairs": {
        "dated back": lambda one, two: two.ends_at and two.ends_at < two.valid_from,
        "resumed": lambda one, two: one.service_ends_at and not two.service_ends_at,
    },
    # An end up to a second before something else begins, and whether that is the next version.
    "ends a second before": {
        "a second before the next version": lambda is_next_version: is_next_version,
        "a second before another subscription": lambda is_next_version: not is_next_version,
    },
    # A version that pays.
    "paying": {
        "ends after as_of": lambda one: one.ends_at and not one.pays_to,
        **{
            f"paid by the {kind}": lambda one, kind=kind: one.row["billing_interval"] == kind
            for kind in MONTHS_OF
        },
    },
    # A version that stopped paying, as what facts_of_the_end says of it.
    "ended": {
        "involuntary ends": lambda end: not end["is_voluntary"],
        "reasons not mapped": lambda end: end["is_unmapped"],
        "statuses as reasons": lambda end: end["reason"] in STOPPING_STATUSES,
        "gaps that may yet be bridged": lambda end: end["days_since"] < 7,
        "gaps of a week up to as_of": lambda end: end["days_since"] == 7,
        "ended with a month": lambda end: end["is_end_of_month"],
        "ended where another end was taken back": lambda end: end["is_where_one_was_taken_back"],
    },
    # How many versions of one customer stopped paying at one moment.
    "moments": {"ended together": lambda versions: versions > 1},
    # The days between two versions that pay.
    "gaps": {"gaps that may be bridged": lambda days: 0 < days <= 7},
    # The versions that pay at the end of a month, of one customer.
    "states": {"two at once": lambda versions: len(versions) > 1},
    # What a subscription on trial became, and whether that began before anybody paid.
    "trials": {
        "trials that converted": lambda outcome, is_early: outcome == "converted",
        "trials that run": lambda outcome, is_early: outcome == "running",
        "trials that were lost": lambda outcome, is_early: outcome == "lost",
        "trials before anyone paid": lambda outcome, is_early: is_early,
    },
    # A row of fct_mrr_movements.
    "movements": {
        movement: lambda row, movement=movement: row["movement"] == movement
        for movement in MOVEMENTS
    },
    # A row of rpt_mrr for all customers.
    "months": {
        "short-lived": lambda row: row["short_lived_customers"],
        "negative churn": lambda row: (row["net_revenue_churn_rate"] or 0) < 0,
        "trailing years": lambda row: row["nrr_trailing_12m"] is not None,
        "set to end": lambda row: row["committed_mrr"] < row["closing_mrr"],
    },
    # A row of rpt_subscription_survival.
    "survival": {
        "half are left": lambda row: row["survival"] == 0.5,
        "none are left": lambda row: row["survival"] == 0,
        "no median": lambda row: row["median_duration"] is None,
        "ties": lambda row: row["events"] > 1,
        "ties with the censored": lambda row: row["events"] * row["censored"] > 0,
        "nobody has entered yet": lambda row: row["survival"] == 1 and row["at_risk"] == 0,
        "others enter after all have left": lambda row: (
            row["survival"] == 0 and row["at_risk"] > row["events"]
        ),
    },
}


def count_hard_cases(shop, oracle):
    """How often the shop holds each hard case, by name."""
    things = things_of(shop, oracle)
    return Counter(
        {
            name: sum(bool(condition(*thing)) for thing in things[kind])
            for kind, cases in HARD_CASES.items()
            for name, condition in cases.items()
        }
    )


def things_of(shop, oracle):
    """The things of each kind in the shop, as the arguments that the conditions take."""
    subscriptions = oracle.subscriptions.values()
    versions = [version for its_versions in subscriptions for version in its_versions]
    pairs = [pair for its_versions in subscriptions for pair in pairwise(its_versions)]
    paying = [version for its_versions in oracle.paying.values() for version in its_versions]
    ended = [version for version in paying if version.pays_to]
    deliveries = Counter(
        id(row) for table, *_, rows in shop.files if table != "customers" for row in rows
    )
    latest = {id(version.row) for version in versions}
    moved_ends = {
        (version.subscription_id, version.ends_at)
        for version in versions
        if version.service_ends_at and version.service_ends_at < version.ends_at
    }
    taken_over = {(one.subscription_id, two.valid_from) for one, two in pairs}
    at_one_moment = Counter((version.customer_id, version.pays_to) for version in ended)
    return {
        "rows": [
            (row, deliveries[id(row)], id(row) in latest) for row in shop.tables["subscriptions"]
        ],
        "versions": [
            (version, oracle.monthly_amount(version.row, oracle.day(version.valid_from)))
            for version in versions
        ],
        "pairs": pairs,
        "ends a second before": [(end in taken_over,) for end in moved_ends],
        "paying": [(version,) for version in paying],
        "ended": [(facts_of_the_end(version, oracle),) for version in ended],
        "moments": [(number,) for number in at_one_moment.values()],
        "gaps": [
            ((oracle.day(two.pays_from) - oracle.day(one.pays_to)).days,)
            for one, two in pairs
            if one.is_paying and two.is_paying
        ],
        "states": [(state,) for states in oracle.states.values() for state in states],
        "trials": [(outcome, month < oracle.months[0]) for _, month, outcome in oracle.trials()],
        "movements": [(row,) for row in oracle.fct_mrr_movements()],
        "months": [(row,) for row in oracle.rpt_mrr() if row["segment_name"] == "all"],
        "survival": [(row,) for row in oracle.rpt_subscription_survival()],
    }


def facts_of_the_end(version, oracle):
    reason, is_voluntary, is_unmapped = oracle.reason(version)
    its_versions = oracle.subscriptions[version.subscription_id]
    number = its_versions.index(version)
    ends_before = {earlier.ends_at for earlier in its_versions[:number]}
    ends_since = {later.ends_at for later in its_versions[number:]}
    return {
        "reason": reason,
        "is_voluntary": is_voluntary,
        "is_unmapped": is_unmapped,
        "days_since": (oracle.as_of - oracle.day(version.pays_to)).days,
        "is_end_of_month": version.pays_to in oracle.boundaries,
        "is_where_one_was_taken_back": version.pays_to in ends_before - ends_since,
    }
