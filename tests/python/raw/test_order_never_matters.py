"""Raw files may be cut, mixed, repeated and named in any way: the marts have the same hashes.

Each case is a small landing zone that is delivered twice: plainly, a CSV file per table, and in
disorder. `make torture` tries 200 cases, `make test` a few.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from shops.landing_zone import FILE_NAMES, SUFFIXES, columns_to_write, plainly

FIRST_DAY = datetime(2024, 1, 1)

# --- A shop ---------------------------------------------------------------------------------------

# Few ids and few moments, so that many rows are versions of one row, some of one moment.
customer_ids = st.sampled_from(["c1", "c2", "c3", "c4", "ç 5"])
moments = st.builds(
    lambda day, second: FIRST_DAY + timedelta(days=day, seconds=second),
    st.integers(0, 500),
    st.sampled_from([0, 43_200, 86_399]),
)
update_times = st.none() | st.sampled_from(
    [FIRST_DAY + timedelta(days=day, hours=3) for day in (510, 511, 512)]
)
amounts = st.builds(lambda units: Decimal(units) / 20, st.integers(0, 4_000))
currencies = st.sampled_from([None, "USD", "EUR", "GBP"])
flags = st.sampled_from([None, False, False, True])
statuses = st.sampled_from([None, "active", "active", "trialing", "past_due", "paused", "canceled"])

orders = st.fixed_dictionaries(
    {
        "order_id": st.integers(1, 12).map("o{}".format),
        "customer_id": st.none() | customer_ids,
        "ordered_at": moments,
        "amount": amounts,
        "currency": currencies,
        "status": st.sampled_from([None, "paid", "paid", "refunded", "cancelled"]),
        "is_test": flags,
        "channel": st.sampled_from([None, "web", 'a "till", old']),
        "updated_at": update_times,
    }
)
refunds = st.fixed_dictionaries(
    {
        "refund_id": st.integers(1, 6).map("r{}".format),
        "order_id": st.integers(1, 14).map("o{}".format),
        "refunded_at": moments,
        "amount": amounts,
        "currency": currencies,
    }
)
customers = st.fixed_dictionaries(
    {
        "customer_id": customer_ids,
        "signed_up_at": st.none() | moments,
        "country": st.sampled_from([None, "DE", "US"]),
        "acquisition_channel": st.sampled_from([None, "email", "referral"]),
        "referred_by_customer_id": st.none() | customer_ids,
        "loyalty_joined_at": st.none() | moments,
        "marketing_consent": flags,
        "birth_date": st.none() | moments.map(datetime.date),
        "unsubscribed_at": st.none() | moments,
        "merged_into_customer_id": st.sampled_from([None, None, "c1", "c2", "c6"]),
        "merged_at": st.none() | moments,
        "updated_at": update_times,
    }
)
milestones = st.fixed_dictionaries(
    {
        "customer_id": customer_ids,
        "milestone": st.sampled_from(["first login", "first project"]),
        "reached_at": moments,
        "is_deleted": flags,
        "updated_at": update_times,
    }
)
spend = st.fixed_dictionaries(
    {
        "spend_date": st.integers(0, 40).map(lambda day: (FIRST_DAY + timedelta(days=day)).date()),
        "channel": st.sampled_from(["email", "referral"]),
        "amount": amounts,
        "currency": currencies,
    }
)


@st.composite
def subscriptions(draw):
    """One version of a subscription. Its dates are in order, so that it is not rejected."""
    started_at = draw(moments)
    effective_at = started_at + draw(st.sampled_from([0, 31, 60]).map(lambda d: timedelta(days=d)))
    updated_at = draw(update_times)

    def after(moment):
        return draw(st.none() | st.integers(0, 200).map(lambda days: moment + timedelta(days=days)))

    return {
        "subscription_id": draw(st.integers(1, 5).map("s{}".format)),
        "customer_id": draw(customer_ids),
        "started_at": started_at,
        "amount": draw(amounts),
        "billing_interval": draw(st.sampled_from(["day", "week", "month", "month", "year"])),
        "interval_count": draw(st.sampled_from([None, 1, 3])),
        "quantity": draw(st.sampled_from([None, 1, 2])),
        "discount_amount": draw(st.sampled_from([None, Decimal("2.50")])),
        "currency": draw(currencies),
        "plan_id": draw(st.sampled_from([None, "a", "b"])),
        "status": draw(statuses),
        "trial_ends_at": after(started_at),
        "current_period_ends_at": after(effective_at),
        "cancel_requested_at": after(effective_at),
        "ended_at": after(effective_at),
        "cancel_reason": draw(st.sampled_from([None, "moving", "card_expired"])),
        # One of the two is there: otherwise a date in the file name would be the moment.
        "effective_at": effective_at if updated_at is None or draw(st.booleans()) else None,
        "updated_at": updated_at,
        "is_test": draw(flags),
    }


def shop():
    """The rows of each table."""
    return st.fixed_dictionaries(
        {
            "orders": st.lists(orders, min_size=6, max_size=30),
            "refunds": st.lists(refunds, max_size=10),
            "customers": st.lists(customers, max_size=10),
            "subscriptions": st.lists(subscriptions(), min_size=4, max_size=16),
            "marketing_spend": st.lists(spend, max_size=6),
            "milestones": st.lists(milestones, max_size=10),
        }
    )


# --- Its delivery ---------------------------------------------------------------------------------


@st.composite
def deliveries(draw, rows_by_table):
    """The same rows in disorder: as (table, file name, columns, rows) of each file."""
    files = []
    for table, rows in rows_by_table.items():
        if not rows:
            continue
        sent_again = draw(st.lists(st.sampled_from(rows), max_size=6))
        shuffled = draw(st.permutations([*rows, *sent_again]))
        names = draw(st.lists(st.sampled_from(FILE_NAMES), min_size=1, unique=True))
        number = len(shuffled)
        where = draw(st.lists(st.sampled_from(names), min_size=number, max_size=number))
        for name in sorted(set(where)):
            its_rows = [row for row, file in zip(shuffled, where, strict=True) if file == name]
            columns = columns_to_write(table, draw(st.permutations(list(rows[0]))), its_rows)
            suffix = draw(st.sampled_from(SUFFIXES))
            files.append((table, name + suffix, columns, its_rows))
    return files


# --- The marts of a delivery ----------------------------------------------------------------------


def marts(warehouse, files):
    """The hash of the rows of every mart, by name."""
    warehouse.fill(files)
    read = warehouse.query("select file from meta.source_files order by file")
    assert read == sorted((f"{table}/{name}",) for table, name, _, _ in files)
    names = warehouse.query(
        "select schema_name || '.' || table_name from duckdb_tables()"
        " where schema_name in ('core', 'cohorts', 'churn', 'clv', 'journey', 'plays', 'meta')"
        " and table_name not in ('builds', 'source_files')"
    )
    return warehouse.fingerprints([name for (name,) in names])


@given(data=st.data())
def test_order_never_matters(warehouse, data):
    rows = data.draw(shop())
    files = data.draw(deliveries(rows))
    expected = marts(warehouse, plainly(rows))
    assert len(expected) >= 10
    found = marts(warehouse, files)
    assert [name for name in expected if found[name] != expected[name]] == []


def test_amounts_may_be_large(warehouse):
    """Amounts of a thousand million, where a product of two decimals of 18 digits overflows."""
    day = FIRST_DAY.isoformat()
    large = {"amount": Decimal("1000000000.01"), "currency": None}
    subscription = {"subscription_id": "s1", "customer_id": "c1", "started_at": day}
    warehouse.fill(
        plainly(
            {
                "orders": [large | {"order_id": "o1", "customer_id": "c1", "ordered_at": day}],
                "refunds": [large | {"refund_id": "r1", "order_id": "o1", "refunded_at": day}],
                "subscriptions": [large | subscription | {"billing_interval": "month"}],
                "marketing_spend": [large | {"spend_date": day[:10], "channel": "email"}],
            }
        )
    )
    assert warehouse.query(
        "select amount, refunded_amount, mrr, marketing_spend from core.fct_orders,"
        " (select max(closing_mrr) as mrr from churn.rpt_mrr),"
        " (select max(marketing_spend) as marketing_spend from clv.rpt_clv_by_cohort)"
    ) == [(large["amount"],) * 4]
