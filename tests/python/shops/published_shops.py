"""Raw rows for which the right numbers are published, for tests that compare the marts with them.

The subscriptions go into one landing zone. Each story has plans of its own, so that it is a segment
of one build with the var as_of_date = AS_OF.
"""

import gzip
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
from conftest import ROOT

DATA = ROOT / "tests/python/data"
AS_OF = date(2025, 4, 1)
LAST_DAY = AS_OF - timedelta(days=1)

# Customers still there after 0, 1, ... 7 years, of 1,000: Fader and Hardie, "How to Project
# Customer Retention" (Journal of Interactive Marketing 21, 2007), table 1.
SURVIVORS = {
    "sbg-high-end": [1000, 869, 743, 653, 593, 551, 517, 491],
    "sbg-regular": [1000, 631, 468, 382, 326, 289, 262, 241],
}
SURVIVORS_SINCE = 2018


def write_subscriptions(raw_dir: Path, **stories: list[dict]) -> None:
    """Put each story into a file of its own."""
    (raw_dir / "subscriptions").mkdir(parents=True)
    for name, rows in stories.items():
        # As objects: pandas gives decimals to a column of whole numbers with gaps.
        table = pd.DataFrame(rows, dtype=object)
        table.to_csv(raw_dir / "subscriptions" / f"{name}.csv", index=False)


def read_cdnow(name: str, columns: list[str], skip: int) -> pd.DataFrame:
    """Orders of CDNOW (see data/cdnow/NOTICE.md): the file `name` after `skip` lines."""
    with gzip.open(DATA / "cdnow" / f"CDNOW_{name}.txt.gz", "rt") as stream:
        table = pd.read_csv(
            stream, sep=r"\s+", names=columns, skiprows=skip, dtype=str, usecols=range(len(columns))
        )
    table["order_id"] = [f"{name}-{number}" for number in range(1, len(table) + 1)]
    table["ordered_at"] = pd.to_datetime(table["date"], format="%Y%m%d").dt.strftime("%Y-%m-%d")
    return table


def read_gehan() -> pd.DataFrame:
    """Gehan's leukaemia trial (see data/gehan/NOTICE.md): arm, weeks in remission, relapse."""
    table = pd.read_csv(
        DATA / "gehan" / "gehan.dat",
        sep=" ",
        names=["arm", "duration", "is_event"],
    )
    table["arm"] = table["arm"].map({1: "gehan-control", 2: "gehan-treated"})
    table["is_event"] = table["is_event"] == 1
    return table


def gehan_subscriptions() -> list[dict]:
    """Each patient a subscription, with a day for every week in remission.

    A relapse ends the subscription, each on another day. Without a relapse it runs on the last day.
    """
    rows = []
    for patient in read_gehan().itertuples():
        end = LAST_DAY - timedelta(days=patient.Index) if patient.is_event else LAST_DAY
        rows.append(
            row(
                f"gehan-{patient.Index}",
                end - timedelta(days=patient.duration),
                10,
                plan_id=patient.arm,
                ended_at=end if patient.is_event else None,
            )
        )
    return rows


def gehan_milestones() -> list[dict]:
    """A relapse as a milestone of the same patients, after as many days as weeks in remission."""
    return [
        {
            "customer_id": f"gehan-{patient.Index}",
            "milestone": "relapse",
            "reached_at": LAST_DAY - timedelta(days=patient.Index),
        }
        for patient in read_gehan().itertuples()
        if patient.is_event
    ]


def survivor_subscriptions() -> list[dict]:
    """1,000 yearly subscriptions a plan of SURVIVORS, 10 a month each.

    They start on the days of a March. Customers lost in year k end on the k-th anniversary. The
    others still run in the month of the last anniversary.
    """
    rows = []
    for plan, survivors in SURVIVORS.items():
        for customer in range(survivors[0]):
            started_at = date(SURVIVORS_SINCE, 3, 1 + customer % 31)
            years = next((year for year, left in enumerate(survivors) if customer >= left), None)
            rows.append(
                row(
                    f"{plan}-{customer}",
                    started_at,
                    120,
                    plan_id=plan,
                    billing_interval="year",
                    ended_at=years and started_at.replace(year=started_at.year + years),
                )
            )
    return rows


def worked_example_subscriptions() -> list[dict]:
    """The examples by which practitioners explain recurring revenue, all in 2024.

    - price-list: 100 customers pay 100 a month and 50 pay 600 a year.
    - gold: one customer has a plan of 2,000 a year and adds two subscriptions of 30 a month. Then
      they cancel the two, later the plan, and come back at 150 a month.
    - april: signed up on 15 April, paid monthly, cancelled on 8 June.
    - bridge: of 100 a month, 10 churn, 10 are lost by a lower price, and 10 are added.
    - upgrade: 5,000 a month become 6,000.
    """
    price_list = [
        row(f"{per}-{number}", "2024-01-15", amount, plan_id="price-list", billing_interval=per)
        for per, amount, customers in [("month", 100, 100), ("year", 600, 50)]
        for number in range(customers)
    ]
    gold = [
        row("gold", "2024-01-10", 2000, billing_interval="year", ended_at="2024-04-20"),
        row("gold", "2024-02-05", 30, subscription_id="addition-1", ended_at="2024-03-12"),
        row("gold", "2024-02-05", 30, subscription_id="addition-2", ended_at="2024-03-12"),
        row("gold", "2024-05-02", 150, subscription_id="gold-again"),
    ]
    cancellation = {
        "effective_at": "2024-06-08",
        "status": "canceled",
        "cancel_requested_at": "2024-06-08",
        "current_period_ends_at": "2024-06-15",
    }
    april = [row("april", "2024-04-15", 20), row("april", "2024-04-15", 20, **cancellation)]
    may = {"plan_id": "bridge", "effective_at": "2024-05-20"}
    bridge = [
        row("leaves", "2024-04-10", 10, plan_id="bridge", ended_at="2024-05-20"),
        row("shrinks", "2024-04-10", 20, plan_id="bridge"),
        row("shrinks", "2024-04-10", 10, **may),
        row("grows", "2024-04-10", 70, plan_id="bridge"),
        row("grows", "2024-04-10", 80, **may),
    ]
    upgrade = [
        row("upgrade", "2024-04-10", 50, quantity=100),
        row("upgrade", "2024-04-10", 50, quantity=120, effective_at="2024-05-20"),
    ]
    return price_list + gold + april + bridge + upgrade


def row(customer_id: str, started_at: date | str, amount: int, **further) -> dict:
    """A monthly subscription. It and its plan are named like the customer; `further` overrides."""
    return {
        "subscription_id": customer_id,
        "customer_id": customer_id,
        "plan_id": customer_id,
        "started_at": started_at,
        "amount": amount,
        "billing_interval": "month",
        **further,
    }
