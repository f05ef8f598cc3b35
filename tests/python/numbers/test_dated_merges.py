"""merges_apply: from_the_merge_on, against shops of each time between two merges.

Months that ended by a merge must be those of a shop that never heard of it. Months that end later
must be those of a shop whose customers had one account from the start. What is told of customers
as they are today is the same with both values of the var.
"""

import random
from collections import defaultdict
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from shops.accounts import ADA, Accounts, as_one
from shops.landing_zone import plainly
from shops.oracle import in_utc
from shops.random_shops import ChangingShop, EdgeShop
from shops.warehouse import Warehouse

ZONE = ZoneInfo("America/New_York")
# A switch or a pause between two accounts is none before their merge, and one after it. So a month
# could begin with fewer customers than the shop of one customer has.
NO_BRIDGES = {"reporting_timezone": ZONE.key, "switch_gap_hours": 0}
OF_TIMES = (
    "churn.rpt_retention_rates",
    "churn.rpt_mrr",
    "churn.rpt_churn_reasons",
    "churn.fct_mrr_movements",
    "core.fct_subscription_spells",
    "journey.fct_stage_changes",
    "journey.rpt_stages",
    "journey.rpt_stage_flows",
)
OF_TODAY = (
    "core.dim_customers",
    "core.fct_orders",
    "core.fct_customer_months",
    "cohorts.rpt_order_cohorts",
    "cohorts.rpt_repeat_purchase",
    "cohorts.rpt_subscription_cohorts",
    "churn.rpt_trials",
    "churn.rpt_subscription_survival",
    "clv.rpt_retention_value",
)
MODELS = [f"+{name.split('.')[1]}" for name in (*OF_TIMES, *OF_TODAY)]
# What the period of a merge has from the accounts of before, and what hangs on it.
OF_THE_START = {
    *("customers_at_start", "merged_customers", "retention_rate", "retention_ci_low"),
    *("retention_ci_high", "churn_rate", "churn_rate_average_base", "churn_rate_everyone_served"),
    *("churn_events", "customer_days_at_risk", "daily_churn_probability", "daily_churn_ci_low"),
    *("daily_churn_ci_high", "monthly_equivalent_churn_rate", "monthly_equivalent_ci_low"),
    *("monthly_equivalent_ci_high", "churn_band"),
    *("logo_churn_rate", "logo_churn_ci_low", "logo_churn_ci_high"),
}


@pytest.fixture(scope="module")
def dated_warehouse(tmp_path_factory):
    """The models of the other value are other ones, so the project is parsed with it."""
    return Warehouse(tmp_path_factory.mktemp("dated"), {"merges_apply": "from_the_merge_on"})


def on_few_days(shop, seed, days):
    """The shop with all its merges on few days, so that few other shops are to be built."""
    chance = random.Random(f"{seed} days of merges")
    for row in shop["customers"]:
        for name in ("merged_at", "updated_at"):
            if row.get("merged_into_customer_id") and row.get(name):
                row[name] = in_utc(chance.choice(days), chance.choice((time(0), time(12))), ZONE)
    return shop


def built(warehouse, tables, as_of, names):
    """The tables of the shop, with all laws that hold for them."""
    warehouse.fill(
        plainly(tables),
        *("--exclude-resource-type", "unit_test", "--exclude-resource-type", "seed"),
        *("--select", *MODELS, "--indirect-selection", "buildable"),
        command="build",
        variables=NO_BRIDGES | {"as_of_date": as_of.isoformat()},
    )
    return warehouse.tables(names)


def days_of_merges(tables, as_of):
    """The local days on which accounts of a customer were merged, in order."""
    accounts = Accounts(tables["customers"], in_utc(as_of, time(0), ZONE))
    moments = {
        at
        for account, (_, at) in accounts.merged.items()
        if accounts.owner(account) != account and at != datetime.min
    }
    utc = ZoneInfo("UTC")
    return sorted({at.replace(tzinfo=utc).astimezone(ZONE).date() for at in moments})


def ends_of(rows, month_ends):
    """Each row with the end of its period; rows of the running month end at as_of."""
    for row in rows:
        yield (
            row,
            month_ends[row.get("period_grain", "month"), row.get("period_start") or row["month"]],
        )


def clipped(rows, since, until, start, end, columns):
    """The days of each stay within [since, until), as one stay where nothing changes."""
    stays = defaultdict(list)
    for row in rows:
        first, last = max(row[start], since), min(row[end] or date.max, until)
        if first < last:
            stays[tuple(row[column] for column in columns)].append((first, last))
    found = set()
    for key, parts in stays.items():
        parts.sort()
        while parts:
            first, last = parts.pop(0)
            while parts and parts[0][0] == last:
                last = parts.pop(0)[1]
            found.add((*key, first, last))
    return found


def compare(warehouse, dated_warehouse, tables, as_of):
    """Compare, and count what was compared."""
    found = built(dated_warehouse, tables, as_of, OF_TIMES)
    today = dated_warehouse.fingerprints(OF_TODAY)
    ends = {
        (grain, start): end
        for grain, start, end in dated_warehouse.query(
            "select period_grain, period_start, state_date from intermediate.int_periods_spined"
        )
    }
    # The shop until each day of a merge, and the one until today. A merge that completes a circle
    # later has never been.
    days, shops = days_of_merges(tables, as_of), {}
    accounts = Accounts(tables["customers"], in_utc(as_of, time(0), ZONE))
    tables |= {
        "customers": [
            row
            if accounts.owner(row["customer_id"]) != row["customer_id"]
            else row | {"merged_into_customer_id": None}
            for row in tables["customers"]
        ]
    }
    for until in (*days, date.max):
        known_at = in_utc(min(until, as_of), time(0), ZONE)
        shops[until] = built(warehouse, as_one(tables, known_at), as_of, OF_TIMES)
    assert warehouse.fingerprints(OF_TODAY) == today

    def shop_at(day):
        return min(until for until in shops if until >= day)

    keys = {
        "churn.rpt_retention_rates": ("basis", "period_grain", "period_start"),
        "churn.rpt_mrr": ("month",),
        "churn.rpt_churn_reasons": ("month", "reason", "is_voluntary"),
        "churn.fct_mrr_movements": ("customer_id", "month"),
    }
    seen = defaultdict(int)
    for name, key in keys.items():

        def by_key(rows, key=key):
            return {
                tuple(row[column] for column in key): (row, end)
                for row, end in ends_of(rows, ends)
                if row.get("segment_name", "all") == "all"
            }

        expected = {until: by_key(tables[name]) for until, tables in shops.items()}
        rows = by_key(found[name])
        for key_of_row in rows.keys() | {
            key_of_row
            for until, shop in expected.items()
            for key_of_row, (_, end) in shop.items()
            if shop_at(end) == until
        }:
            row, end = rows.get(key_of_row, ({}, None))
            if end is None:
                end = next(shop[key_of_row][1] for shop in expected.values() if key_of_row in shop)
            one, _ = expected[shop_at(end)].get(key_of_row, ({}, None))
            if not one and name == "churn.rpt_retention_rates":
                continue
            start = row.get("period_start") or row.get("month")
            is_merging = start is not None and shop_at(start) != shop_at(end)
            but = OF_THE_START if is_merging else {"merged_customers"}
            if "segment_name" in row and is_merging:
                before, _ = expected[shop_at(start)].get(key_of_row, ({}, None))
                at_start = before["customers_at_start"] if before else 0
                assert row["customers_at_start"] == at_start, (name, key_of_row)
                assert row["merged_customers"] == at_start - one["customers_at_start"]
                seen[f"{name} merged"] += row["merged_customers"]
            elif "segment_name" in row:
                assert row["merged_customers"] == 0
            assert {c: v for c, v in row.items() if c not in but} == {
                c: v for c, v in one.items() if c not in but
            }, (name, key_of_row)
            seen[f"{name} closed"] += end <= (days or [as_of])[0]
            seen[f"{name} later"] += shop_at(end) == date.max

    for until, shop in shops.items():
        since = max((day for day in shops if day < until), default=date.min)
        for name, start, end, columns in (
            ("core.fct_subscription_spells", "started_on", "ended_on", ("customer_id",)),
            (
                "journey.fct_stage_changes",
                "entered_on",
                "left_on",
                ("customer_id", "side", "stage"),
            ),
        ):
            span = since, min(until, as_of), start, end, columns
            assert clipped(found[name], *span) == clipped(shop[name], *span), (name, until)
    return seen


def test_months_are_those_of_the_customers_at_their_end(warehouse, dated_warehouse):
    """Two merge days: in the middle of a month, and on the first of a year."""
    as_of = date(2025, 11, 18)
    shop = EdgeShop(1, 60, "orders and subscriptions", ZONE).tables
    for table, rows in ChangingShop(1, 200, ZONE, as_of).tables.items():
        columns = {column for row in (*shop[table], *rows) for column in row}
        shop[table] = [dict.fromkeys(columns) | row for row in (*shop[table], *rows)]
    days = [date(2024, 7, 17), date(2025, 1, 1)]
    seen = compare(warehouse, dated_warehouse, on_few_days(shop, 1, days), as_of)
    assert min(seen.values()) > 0, seen


def test_a_merge_in_the_middle_of_june(dated_warehouse):
    """Ada bought as a and as b, and paid as a. On 15 June both became one, and b pays on."""
    dated_warehouse.fill(plainly(ADA), variables={"as_of_date": "2024-09-01"})
    merged_on, query = date(2024, 6, 15), dated_warehouse.query
    retention = (
        "select customers_at_start, new_customers, returning_customers, lost_customers,"
        " merged_customers, customers_at_end from churn.rpt_retention_rates"
        " where segment_name = 'all' and period_grain = 'month'"
    )
    # Closed months have two buyers: both were new in January, and both lapsed in April.
    assert query(f"{retention} and basis = 'orders' and period_start = '2024-01-01'") == [
        (0, 2, 0, 0, 0, 2)
    ]
    assert query(f"{retention} and basis = 'orders' and period_start = '2024-04-01'") == [
        (2, 0, 0, 2, 0, 0)
    ]
    # The subscriber of May is there at the end of June: kept, under the name of b.
    assert query(f"{retention} and basis = 'subscriptions' and period_start = '2024-06-01'") == [
        (1, 0, 0, 0, 0, 1)
    ]
    assert query("select customer_id, month, movement, new_mrr from churn.fct_mrr_movements") == [
        ("a", date(2024, 2, 1), "new", 30)
    ]
    assert query(
        "select sum(new_mrr), sum(churned_mrr), sum(churned_customers), sum(merged_customers)"
        " from churn.rpt_mrr where segment_name = 'all'"
    ) == [(30, 0, 0, 0)]
    assert query("select * from churn.rpt_churn_reasons") == []
    assert query(
        "select customer_id, end_reason, is_voluntary, end_mrr, started_on, ended_on"
        " from core.fct_subscription_spells order by all"
    ) == [
        ("a", "merged", None, 30, date(2024, 2, 1), merged_on),
        ("b", None, None, 30, merged_on, None),
    ]
    # a leaves by the merge. b had lapsed as a buyer, and is a subscriber then, not a new one.
    assert query(
        "select customer_id, side, previous_stage, stage from journey.fct_stage_changes"
        f" where entered_on = '{merged_on}' order by all"
    ) == [
        ("b", "overall", "lapsed", "subscriber"),
        ("b", "subscriptions", "(merged)", "subscriber"),
    ]
    assert query(
        "select side, max(left_on), count(*) - count(left_on) from journey.fct_stage_changes"
        " where customer_id = 'a' group by side order by all"
    ) == [(side, merged_on, 0) for side in ("orders", "overall", "subscriptions")]
    # What is told of today has one customer, for all history.
    assert query("select customer_id, lifetime_orders from core.dim_customers") == [("b", 2)]
    assert query("select distinct cohort_customers from cohorts.rpt_order_cohorts") == [(1,)]
    assert query(
        "select sum(events), sum(events + censored) from churn.rpt_subscription_survival"
        " where segment_name = 'all' and time_unit = 'day'"
    ) == [(0, 1)]
    dated_warehouse.dbt("test", "--select", "tag:dated")


def test_a_past_day_before_the_merge_shows_two_customers(dated_warehouse):
    dated_warehouse.fill(plainly(ADA), variables={"as_of_date": "2024-06-15"})
    assert dated_warehouse.query("select customer_id from core.dim_customers order by all") == [
        ("a",),
        ("b",),
    ]
    assert dated_warehouse.query("select count(*) from intermediate.int_accounts_dated") == [(0,)]
