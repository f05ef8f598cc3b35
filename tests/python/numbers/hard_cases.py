"""The hard cases of recurring revenue and churn, and how often a shop holds each of them.
HARD_CASES has the cases by kind of thing: a case is a name, and a condition on one thing of that
kind. things_of finds the things in a shop.
"""

from collections import Counter
from datetime import date
from itertools import pairwise

from churn_oracle import MOVEMENTS, STOPPING_STATUSES
from shops.oracle import DAY, MONTHS_OF, SECOND
from shops.random_shops import PLACEHOLDERS

HARD_CASES = {
    # A raw row, how often it was delivered, and whether it is the newest row of its moment.
    "rows": {
        "test rows": lambda row, times, is_latest: row["is_test"],
        "rows sent again": lambda row, times, is_latest: times > 1,
        "older versions": lambda row, times, is_latest: not row["is_test"] and not is_latest,
        "deleted rows": lambda row, times, is_latest: row["is_deleted"],
        "ends without a time": lambda row, times, is_latest: type(row["ended_at"]) is date,
    },
    # An item of a subscription, as its stretches.
    "items": {
        "never paid": lambda its: not any(one.is_paying or one.is_trial for one in its),
        "started earlier than first told": lambda its: (
            its[0].in_force_from < its[0].row["started_at"]
        ),
    },
    # A version of an item, and its price at the exchange rate of its own first day.
    "versions": {
        "past due": lambda one, price: one.status == "past_due",
        "rates that moved": lambda one, price: one.mrr != price,
        "spent requests": lambda one, price: (
            one.row["cancel_requested_at"] and not one.cancel_requested_at
        ),
        "told before or after the start": lambda one, price: one.in_force_from != one.valid_from,
        "words of other systems": lambda one, price: one.row["status"] not in (None, one.status),
        "set to end by the status": lambda one, price: one.is_set_to_end,
        "ends that are none": lambda one, price: (
            one.row["ended_at"] in PLACEHOLDERS and one.service_ends_at is None
        ),
        "renewal dates": lambda one, price: (
            one.row["auto_renews"] and one.row["ended_at"] and one.service_ends_at is None
        ),
        "requests taken back before the end": lambda one, price: (
            one.cancel_requested_at and one.ends_at and one.cancel_requested_at < one.ends_at
        ),
        "past due that never paid": lambda one, price: (
            one.status == "past_due" and one.is_in_force() and one.mrr > 0 and not one.pays
        ),
        "trials of items that paid": lambda one, price: (
            one.pays and one.pays_from < (one.trial_ends_at or one.pays_from)
        ),
        "trials told too late": lambda one, price: (
            one.status == "trialing"
            and one.next_status in ("past_due", "unpaid")
            and one.is_trial
            and one.trial_ends_at
            and one.trial_ends_at < one.in_force_to <= one.trial_ends_at + DAY
        ),
    },
    # Two stretches of an item, one after the other.
    "pairs": {
        "discounts that ended": lambda one, two: one.valid_from == two.valid_from,
        "dated back": lambda one, two: two.ends_at and two.ends_at < two.valid_from,
        "resumed": lambda one, two: one.service_ends_at and not two.service_ends_at,
    },
    # An end that was a switch: the time to what came next, and whether that is of the same item.
    "switches": {
        "a second before": lambda gap, is_same_item: gap <= SECOND,
        "hours before": lambda gap, is_same_item: SECOND < gap < DAY,
        "a day before": lambda gap, is_same_item: gap == DAY,
        "days before": lambda gap, is_same_item: gap > DAY,
        "to the next version": lambda gap, is_same_item: is_same_item,
        "to something else": lambda gap, is_same_item: not is_same_item,
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
        "involuntary ends": lambda end: end["is_voluntary"] is False,
        "neither voluntary nor not": lambda end: end["is_voluntary"] is None,
        "terms that were completed": lambda end: end["reason"] == "term completed",
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
    "states": {
        "two at once": lambda versions: len(versions) > 1,
        "two items of one subscription": lambda versions: (
            len({one.subscription_id for one in versions}) < len(versions)
        ),
    },
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
    subscriptions = oracle.items.values()
    versions = [version for its_versions in subscriptions for version in its_versions]
    pairs = [pair for its_versions in subscriptions for pair in pairwise(its_versions)]
    paying = [version for its_versions in oracle.paying.values() for version in its_versions]
    ended = [version for version in paying if version.pays_to]
    deliveries = Counter(
        id(row) for table, *_, rows in shop.files if table != "customers" for row in rows
    )
    latest = {id(version.row) for version in versions}
    at_one_moment = Counter((version.customer_id, version.pays_to) for version in ended)
    return {
        "rows": [
            (row, deliveries[id(row)], id(row) in latest) for row in shop.tables["subscriptions"]
        ],
        "versions": [
            (version, oracle.subscriptions.mrr_on(version, oracle.day(version.valid_from)))
            for version in versions
        ],
        "pairs": pairs,
        "items": [(its_versions,) for its_versions in subscriptions],
        "switches": [
            (one.pays_to - one.in_force_to, is_followed(one, its_versions))
            for its_versions in subscriptions
            for one in its_versions
            if one.is_paying and one.pays_to != one.in_force_to and one.pays_to
        ],
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


def is_followed(stretch, its_stretches):
    """Whether the item itself pays again when the switch is done."""
    return any(one.pays and one.pays_from == stretch.pays_to for one in its_stretches)


def facts_of_the_end(version, oracle):
    reason, is_voluntary, is_unmapped = oracle.reason(version)
    its_versions = oracle.items[version.subscription_id, version.item_id]
    number = its_versions.index(version)
    ends_before = {earlier.ends_at for earlier in its_versions[:number]}
    ends_since = {later.ends_at for later in its_versions[number:]}
    return {
        "reason": reason,
        "is_voluntary": is_voluntary,
        "is_unmapped": is_unmapped,
        "days_since": (oracle.as_of - oracle.day(version.pays_to)).days,
        "is_end_of_month": version.pays_to in oracle.boundaries,
        "is_where_one_was_taken_back": version.in_force_to in ends_before - ends_since,
    }
