"""The raw files of the benchmark: a shop of any size, the same bytes each time.

Customers buy as the BG/NBD and Gamma-Gamma models say: a few bring much, most come once. Guests buy
too. Some orders are cancelled or refunded, and some customers change. There is one subscription for
every fifty orders, and one milestone for every three customers. One customer in a hundred has an
old account, with which nothing was bought, and which was merged into the present one. No row breaks
the raw contract.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

FIRST_MONTH, LAST_MONTH = "2023-01", "2025-12"
MONTHS = pd.period_range(FIRST_MONTH, LAST_MONTH, freq="M")
DAY = 86_400
SECONDS = int((MONTHS[-1].end_time - MONTHS[0].start_time).total_seconds())

# BG/NBD: how many orders a customer makes per week, and how likely the customer leaves after each.
R, ALPHA, A, B = 0.25, 4.5, 0.8, 2.4
# Gamma-Gamma: the worth of an order.
P, Q, V = 6.0, 4.0, 15.0

GUESTS = 0.08
CANCELLED = 0.03
REFUNDED = 0.03
ORDERS_PER_SUBSCRIPTION = 50
# Share of the buyers who reach it, and mean days from the first order.
MILESTONES = {"first_login": (0.2, 1), "first_rating": (0.1, 7), "invited_a_friend": (0.04, 30)}

CURRENCIES = {"USD": 0.85, "EUR": 0.1, "GBP": 0.05}
ORDER_CHANNELS = {"web": 0.6, "app": 0.25, "store": 0.1, "marketplace": 0.05}
ACQUISITION_CHANNELS = {"organic": 0.4, "paid search": 0.3, "social": 0.2, "affiliate": 0.1}
COUNTRIES = {"US": 0.5, "DE": 0.15, "GB": 0.15, "FR": 0.1, "CA": 0.06, "JP": 0.04}

ORDERS = """
select
    'o' || number as order_id,
    case when customer >= 0 then 'c' || customer end as customer_id,
    case when is_cancelled then 'cancelled' else 'paid' end as status,
    order_channel as channel,
    currency,
    amount::decimal(18, 2) as amount,
    (amount / 20)::decimal(18, 2) as discount_amount,
    (amount / 5)::decimal(18, 2) as tax_amount,
    4.9::decimal(18, 2) as shipping_amount,
    timestamp '{start}' + to_seconds(second) as ordered_at,
    timestamp '{start}' + to_seconds(written) as updated_at
from rows
"""

REFUNDS = """
select
    'r' || number as refund_id,
    'o' || number as order_id,
    currency,
    (amount * share)::decimal(18, 2) as amount,
    timestamp '{start}' + to_seconds(written) as refunded_at
from rows
"""

CUSTOMERS = """
select
    'c' || number || account as customer_id,
    case when number % 10 = 3 then 'c' || number // 2 end as referred_by_customer_id,
    'c' || number || '@example.com' as email,
    country,
    acquisition_channel,
    timestamp '{start}' + to_seconds(second) as signed_up_at,
    timestamp '{start}' + to_seconds(written) as updated_at,
    case when number % 2 = 0 then date '2005-01-01' - (number * 7919 % 20000)::int end
        as birth_date,
    case when number % 10 in (1, 4, 8) then
        timestamp '{start}' + to_seconds(least(second + number % 60 * {day}, {seconds} - 1))
    end as loyalty_joined_at,
    case number % 5 when 2 then false when 3 then null else true end as marketing_consent,
    case when number % 25 = 1 then
        timestamp '{start}' + to_seconds(least(second + number % 400 * {day}, {seconds} - 1))
    end as unsubscribed_at,
    'c' || number || merged_into as merged_into_customer_id,
    case when merged_into is not null then timestamp '{start}' + to_seconds(written) end
        as merged_at
from rows
"""

MILESTONE_ROWS = """
select
    'c' || customer as customer_id,
    milestone,
    timestamp '{start}' + to_seconds(second) as reached_at
from rows
order by second, customer
"""

# A subscription has one to five versions, spread over its life. Between the first and the last one
# it is upgraded, gets more units, is paused, is past due, and is active again. Customers who leave
# cancel within the last paid billing period.
SUBSCRIPTIONS = """
with

versions as (

    select
        * exclude (versions),
        unnest(range(versions)) as version,
        versions,
        unnest(draws) as draw
    from rows

),

dated as (

    select
        *,
        version = versions - 1 and lost < {seconds} as is_last,
        started + floor((least(lost, {seconds}) - started) * version / versions) as changed
    from versions

),

canceled as (

    select
        *,
        is_last and version > 0 as is_canceled,
        case
            when is_last and version > 0
                then greatest(
                    changed,
                    lost - draw * {day}
                    * case billing_interval when 'month' then 30 when 'year' then 365 else 7 end
                )
            else changed
        end::bigint as effective
    from dated

)

select
    's' || number as subscription_id,
    'c' || customer as customer_id,
    billing_interval || '-' || tier as plan_id,
    case
        when is_canceled then 'canceled'
        when version = 0 and has_trial then 'trialing'
        when version % 2 = 0 or draw < 0.6 then 'active'
        when draw < 0.8 then 'past_due'
        else 'paused'
    end as status,
    billing_interval,
    currency,
    case when is_last then cancel_reason end as cancel_reason,
    (
        case billing_interval when 'month' then 19.9 when 'year' then 199.0 else 5.9 end
        * (tier + version // 2)
    )::decimal(18, 2) as amount,
    case when number % 7 = 0 then 1.5 end::decimal(18, 2) as discount_amount,
    1 + (version > 0 and draw < 0.2)::int as quantity,
    timestamp '{start}' + to_seconds(started) as started_at,
    case when has_trial then timestamp '{start}' + to_seconds(started + 14 * {day}) end
        as trial_ends_at,
    case when is_canceled then timestamp '{start}' + to_seconds(lost) end as current_period_ends_at,
    case when is_canceled then timestamp '{start}' + to_seconds(effective) end
        as cancel_requested_at,
    case when is_last and version = 0 then timestamp '{start}' + to_seconds(lost) end as ended_at,
    timestamp '{start}' + to_seconds(effective) as effective_at
from canceled
order by effective, number
"""

SPEND = """
select
    channel,
    (100 + (day * 37 + channel_number * 211) % 400)::decimal(18, 2) as amount,
    date '{start}' + day::int as spend_date
from range(0, {seconds} // {day} + 1) as days (day)
cross join (values ('paid search', 1), ('social', 2), ('affiliate', 3))
    as channels (channel, channel_number)
order by spend_date, channel
"""


@dataclass(frozen=True)
class Raw:
    """A folder of raw files, and the number of different orders in it."""

    folder: Path
    orders: int

    def rows(self) -> Mapping[str, int]:
        """Return the number of records by raw table."""
        return {
            table.name: sum(
                duckdb.execute(f"select count(*) from '{file}'").fetchall()[0][0]
                for file in table.iterdir()
            )
            for table in sorted(self.folder.iterdir())
        }


def generate(folder: Path, orders: int, seed: int = 42) -> None:
    """Write raw files with this number of different orders into `folder`, which must be empty."""
    chance = np.random.default_rng(seed)
    purchases = pd.DataFrame(_purchases(chance, orders))
    buyers = purchases["customer"].max() + 1
    with duckdb.connect() as connection:
        _write_milestones(connection, np.random.default_rng([seed, 1]), folder, purchases)
        _write_orders(connection, chance, folder, purchases)
        subscriptions = orders // ORDERS_PER_SUBSCRIPTION
        # Half of the subscribers buy too. A third of all subscribers have two subscriptions.
        subscribers = max(subscriptions * 3 // 4, 1)
        first = max(buyers - subscribers // 2, 0)
        _write_subscriptions(connection, chance, folder, subscriptions, first, subscribers)
        _write_customers(connection, chance, folder, max(buyers, first + subscribers))
        _copy(connection, SPEND, folder / "marketing_spend" / "spend.csv")


def _purchases(chance: np.random.Generator, orders: int) -> dict[str, np.ndarray]:
    """Return customer (-1 for a guest), second and amount of each order, in order of time."""
    members = round(orders * (1 - GUESTS))
    histories, rows, customers = [], 0, 0
    while rows < members:
        chunk = members // 4 + 100
        for customer, second, amount in _histories(chance, chunk):
            histories.append((customer + customers, second, amount))
            rows += customer.size
        customers += chunk
    customer, second, amount = (np.concatenate(column) for column in zip(*histories, strict=True))
    # Customers with all their orders, as many as fit. Guests make the remaining orders.
    fitting = np.searchsorted(np.cumsum(np.bincount(customer)), members, side="right")
    kept = customer < fitting
    guests = orders - kept.sum()
    customer = np.concatenate([customer[kept], np.full(guests, -1)])
    second = np.concatenate([second[kept], chance.integers(0, SECONDS, guests)])
    amount = np.concatenate([amount[kept], _amounts(chance, V / chance.gamma(Q, 1, guests))])
    in_time = np.argsort(second, kind="stable")
    return {
        "customer": customer[in_time],
        "second": second[in_time],
        "amount": amount[in_time].round(2),
    }


def _histories(
    chance: np.random.Generator, customers: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield customer, second and amount of all first orders, then of all second ones, and so on."""
    rate = chance.gamma(R, 1 / ALPHA, customers) / (7 * DAY)
    leaves = chance.beta(A, B, customers)
    scale = V / chance.gamma(Q, 1, customers)
    second = chance.uniform(0, SECONDS, customers)
    customer = np.arange(customers)
    is_first = True
    while customer.size:
        yield customer, second.astype(int), _amounts(chance, scale[customer])
        stays = chance.random(customer.size) > (0 if is_first else leaves[customer])
        is_first = False
        customer, second = customer[stays], second[stays]
        # Some rates are so small that the time to the next order becomes infinite.
        with np.errstate(divide="ignore", over="ignore"):
            second = second + chance.exponential(size=customer.size) / rate[customer]
        in_time = second < SECONDS
        customer, second = customer[in_time], second[in_time]


def _amounts(chance: np.random.Generator, scale: np.ndarray) -> np.ndarray:
    """Return the worth of one order for each of these customers, at least 1."""
    return 1 + scale * chance.gamma(P, 1, scale.size)


def _write_orders(
    connection: duckdb.DuckDBPyConnection,
    chance: np.random.Generator,
    folder: Path,
    orders: pd.DataFrame,
) -> None:
    """Write orders and refunds; a cancelled order comes twice: as paid, then as cancelled."""
    rows = len(orders)
    orders["number"] = np.arange(rows)
    orders["currency"] = _pick(chance, CURRENCIES, rows)
    orders["order_channel"] = _pick(chance, ORDER_CHANNELS, rows)
    orders["written"] = orders["second"]
    orders["is_cancelled"] = False
    fate = chance.random(rows)
    later = orders["second"] + chance.integers(DAY, 30 * DAY, rows)
    is_refunded = (fate < REFUNDED) & (later < SECONDS)
    is_cancelled = (fate > 1 - CANCELLED) & (later < SECONDS)
    refunds = orders[is_refunded].assign(
        written=later[is_refunded], share=chance.choice([0.5, 1], is_refunded.sum())
    )
    cancelled = orders[is_cancelled].assign(written=later[is_cancelled], is_cancelled=True)
    _write_months(connection, REFUNDS, folder / "refunds", refunds, (".csv",))
    records = pd.concat([orders, cancelled])
    _write_months(connection, ORDERS, folder / "orders", records, (".parquet", ".csv"))


def _write_months(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    folder: Path,
    records: pd.DataFrame,
    suffixes: tuple[str, ...],
) -> None:
    """Write one file per month; the suffixes take turns."""
    records = records.sort_values("written", kind="stable")
    start = MONTHS[0].start_time
    seconds = [int((month.start_time - start).total_seconds()) for month in [*MONTHS]] + [SECONDS]
    bounds = np.searchsorted(records["written"], seconds)
    for number, month in enumerate(MONTHS):
        rows = records.iloc[bounds[number] : bounds[number + 1]]
        _copy(connection, query, folder / f"{month}{suffixes[number % len(suffixes)]}", rows)


def _write_subscriptions(
    connection: duckdb.DuckDBPyConnection,
    chance: np.random.Generator,
    folder: Path,
    subscriptions: int,
    first_customer: int,
    customers: int,
) -> None:
    number = np.arange(subscriptions)
    started = chance.integers(0, SECONDS, subscriptions)
    reasons = ["too expensive", "not using it", "card_expired", "competitor", "went sailing", None]
    rows = pd.DataFrame(
        {
            "number": number,
            "customer": first_customer + number % customers,
            "started": started,
            "lost": started + DAY + chance.exponential(700 * DAY, subscriptions).astype(int),
            "billing_interval": _pick(
                chance, {"month": 0.6, "year": 0.3, "week": 0.1}, subscriptions
            ),
            "currency": _pick(chance, CURRENCIES, subscriptions),
            "tier": chance.integers(1, 4, subscriptions),
            "has_trial": chance.random(subscriptions) < 0.3,
            "cancel_reason": pd.Categorical.from_codes(
                chance.integers(-1, 5, subscriptions), reasons[:5]
            ),
            "versions": 1 + number % 5,
        }
    )
    rows["draws"] = [chance.random(versions) for versions in rows["versions"]]
    _copy(connection, SUBSCRIPTIONS, folder / "subscriptions" / "subscriptions.csv", rows)


def _write_customers(
    connection: duckdb.DuckDBPyConnection,
    chance: np.random.Generator,
    folder: Path,
    customers: int,
) -> None:
    """Write most customers; some move later, and come a second time with the new country.

    Old accounts come last. Some were merged into another old account first.
    """
    rows = pd.DataFrame({"number": np.arange(customers)})
    rows["second"] = chance.integers(0, SECONDS, customers)
    rows["written"] = rows["second"]
    rows["country"] = _pick(chance, COUNTRIES, customers)
    rows["acquisition_channel"] = _pick(chance, ACQUISITION_CHANNELS, customers)
    rows = rows[rows["number"] % 20 != 7].assign(account="", merged_into=None)
    moved = rows[rows["number"] % 50 == 0]
    moved = moved.assign(
        written=np.minimum(moved["second"] + 90 * DAY, SECONDS - 1),
        country=_pick(chance, COUNTRIES, len(moved)),
    )
    _copy(connection, CUSTOMERS, folder / "customers" / "customers.csv", rows)
    _copy(connection, CUSTOMERS, folder / "customers" / "moved.csv", moved)
    merged = rows.assign(written=np.minimum(rows["second"] + 180 * DAY, SECONDS - 1))
    old = merged[rows["number"] % 100 == 9].assign(account="-old", merged_into="")
    older = merged[rows["number"] % 500 == 9].assign(account="-older", merged_into="-old")
    _copy(connection, CUSTOMERS, folder / "customers" / "merged.csv", pd.concat([old, older]))


def _write_milestones(
    connection: duckdb.DuckDBPyConnection,
    chance: np.random.Generator,
    folder: Path,
    purchases: pd.DataFrame,
) -> None:
    """Write what buyers reach after their first order. Purchases are in order of time."""
    first_orders = purchases[purchases["customer"] >= 0].drop_duplicates("customer")
    reached = []
    for milestone, (share, days) in MILESTONES.items():
        rows = first_orders[chance.random(len(first_orders)) < share]
        waited = chance.exponential(days * DAY, len(rows)).astype(int)
        reached.append(
            pd.DataFrame({"customer": rows["customer"], "second": rows["second"] + waited}).assign(
                milestone=milestone
            )
        )
    rows = pd.concat(reached)
    rows = rows[rows["second"] < SECONDS]
    _copy(connection, MILESTONE_ROWS, folder / "milestones" / "milestones.csv", rows)


def _pick(chance: np.random.Generator, shares: dict[str, float], rows: int) -> pd.Categorical:
    codes = np.searchsorted(np.cumsum([*shares.values()])[:-1], chance.random(rows), side="right")
    return pd.Categorical.from_codes(codes, [*shares])


def _copy(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    file: Path,
    rows: pd.DataFrame | None = None,
) -> None:
    """Write the result of a query to a file, in the order of the query; it may read `rows`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if rows is not None:
        connection.register("rows", rows)
    query = query.format(start=MONTHS[0].start_time, seconds=SECONDS, day=DAY)
    connection.execute(f"copy ({query}) to '{file}'")
