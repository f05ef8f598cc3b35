"""Nights that were missed, files that come late, and past days that are built again.

The small shop writes everything down at the moment when it happens. So on any day it knows exactly
what has happened by then.
"""

import random
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import duckdb
import pytest
from conftest import MARTS, contents, run_build
from shops.landing_zone import write
from shops.warehouse import Warehouse

pytestmark = pytest.mark.torture

FIRST_DAY = datetime(2024, 1, 1)
DAYS = 730
CUSTOMERS = 200
NO_SUBSCRIPTION_BEFORE = 60
SPEND = [("search", 40), ("email", 5)]


class Event(NamedTuple):
    """A row of a raw table, and when it was written."""

    table: str
    happened_at: datetime
    row: dict


def shop() -> list[Event]:
    """The events of two years, in their order."""
    draw = random.Random(20260101)
    happened = [event for number in range(CUSTOMERS) for event in customer(f"c{number}", draw)]
    for day in range(0, DAYS, 7):
        for channel, amount in SPEND:
            row = {"spend_date": moment(day).date(), "channel": channel, "amount": amount}
            happened.append(Event("marketing_spend", moment(day), row))
    end = moment(DAYS)
    return sorted((event for event in happened if event.happened_at < end), key=lambda e: e[1])


def moment(days: float) -> datetime:
    return FIRST_DAY + timedelta(seconds=round(days * 86_400))


def customer(name: str, draw: random.Random) -> Iterator[Event]:
    """A customer who comes, buys at a pace of their own, perhaps subscribes, and stays away."""
    day = draw.uniform(0, DAYS)
    gone, pace = day + draw.expovariate(1 / 200), draw.gammavariate(2, 20)
    yield from subscription(name, day, draw)
    row = {
        "customer_id": name,
        "signed_up_at": moment(day),
        "country": draw.choice(["DE", "US"]),
        "acquisition_channel": draw.choice(SPEND)[0],
    }
    yield Event("customers", moment(day), row)
    number = 0
    while day < gone:
        order = {
            "order_id": f"{name}-{number}",
            "customer_id": name,
            "ordered_at": moment(day),
            "amount": draw.randint(500, 9_000) / 100,
        }
        yield Event("orders", moment(day), order)
        if draw.random() < 0.1:
            refunded_at = moment(day + draw.uniform(1, 30))
            refund = {"refund_id": order["order_id"], "order_id": order["order_id"]}
            refund |= {"refunded_at": refunded_at, "amount": 5}
            yield Event("refunds", refunded_at, refund)
        day += draw.expovariate(1 / pace)
        number += 1


def subscription(name: str, day: float, draw: random.Random) -> Iterator[Event]:
    """Half of the customers who come late enough subscribe; an upgrade and an end are more rows."""
    if day < NO_SUBSCRIPTION_BEFORE or draw.random() < 0.5:
        return
    upgraded, ended = day + draw.uniform(20, 100), day + draw.uniform(100, 500)
    row = {
        "subscription_id": name,
        "customer_id": name,
        "started_at": moment(day),
        "amount": draw.choice([10, 20]),
        "billing_interval": "month",
        "plan_id": "basic",
        "status": "active",
        "cancel_requested_at": None,
        "ended_at": None,
        "cancel_reason": None,
        "effective_at": moment(day),
    }
    yield Event("subscriptions", moment(day), row)
    row = row | {"amount": 30, "plan_id": "more", "effective_at": moment(upgraded)}
    yield Event("subscriptions", moment(upgraded), row)
    end = {name: moment(ended) for name in ("effective_at", "cancel_requested_at", "ended_at")}
    row = row | end | {"status": "canceled", "cancel_reason": draw.choice(["price", "moving"])}
    yield Event("subscriptions", moment(ended), row)


def delivery(events: Iterable[Event], name: str) -> list[tuple]:
    """The files of one night, one for each table."""
    tables: dict[str, list[dict]] = {}
    for event in events:
        tables.setdefault(event.table, []).append(event.row)
    return [(table, f"{name}.csv", list(rows[0]), rows) for table, rows in tables.items()]


def cut(events: list[Event], days: list[int]) -> list[list[Event]]:
    """The events up to the first of the days, between it and the next one, and so on."""
    bounds = [FIRST_DAY, *(moment(day) for day in days)]
    return [
        [event for event in events if begin <= event.happened_at < end]
        for begin, end in pairwise(bounds)
    ]


def build_on(nights: Iterable[int], deliveries: list[list[tuple]], folder) -> tuple[dict, int]:
    """Build on these nights with the files so far; return the marts and the number of builds."""
    for night in nights:
        write(folder / "raw", [file for files in deliveries[: night + 1] for file in files])
        built = run_build(folder / "raw", folder / "home")
        assert built.returncode == 0, built.stdout
    served = folder / "home/serve/current/tenure.duckdb"
    with duckdb.connect(served, read_only=True) as connection:
        [(builds,)] = connection.sql("select count(*) from meta.builds").fetchall()
    return contents(served), builds


def test_missed_nights_change_nothing(tmp_path, reliability):
    events = shop()
    # Every tenth order of half a year ago arrives 150 days late, on the last night but one.
    late = [event for event in events[::10] if moment(540) < event.happened_at < moment(560)]
    in_time = [event for event in events if event not in late]
    deliveries = [
        delivery(part, f"night {night}")
        for night, part in enumerate(cut(in_time, [DAYS - 5 + night for night in range(6)]))
    ]
    deliveries[4] += delivery(late, "late")
    assert len(late) >= 3
    nightly, builds = build_on(range(6), deliveries, tmp_path / "nightly")
    assert builds == 6
    for name, nights in {"three missed": [0, 1, 5], "one go": [5]}.items():
        caught_up, builds = build_on(nights, deliveries, tmp_path / name)
        assert builds == len(nights)
        assert caught_up == nightly
        reliability(
            "catching up",
            f"nights without a build: {name}",
            "every mart compared with that of a build every night; a file 150 days late",
            tried=len(caught_up),
            lost="nothing",
        )


def test_two_years_in_one_go_are_two_years_month_by_month(tmp_path, reliability):
    parts = cut(shop(), [round(DAYS / 24 * (month + 1)) for month in range(24)])
    deliveries = [delivery(part, f"month {month}") for month, part in enumerate(parts)]
    # A build of a month takes as long as one of two years, so only every third month is built.
    step_by_step, builds = build_on(range(2, 24, 3), deliveries, tmp_path / "steps")
    assert builds == 8
    assert build_on([23], deliveries, tmp_path / "one go") == (step_by_step, 1)
    reliability(
        "catching up",
        "24 months of files at once",
        "every mart compared with that of a home built every third month",
        tried=len(step_by_step),
        lost="nothing",
    )


# --- As of a past day -----------------------------------------------------------------------------

# Tables about the raw files, and not about the shop.
OF_THE_FILES = {"meta.builds", "meta.source_files", "meta.row_outcomes"}


def marts(warehouse: Warehouse, events: list[Event], as_of: str = "") -> tuple[str, dict]:
    """The as_of of a build of these events, and the hash of each mart."""
    warehouse.fill(delivery(events, "all"), variables={"as_of_date": as_of} if as_of else None)
    [(found,)] = warehouse.query("select as_of from intermediate.int_as_of")
    return str(found), warehouse.fingerprints(MARTS - OF_THE_FILES)


@pytest.mark.parametrize("day", [45, 64, 200, 365, 599, 729])
def test_any_past_day_can_be_built_again(warehouse, day, reliability):
    events = shop()
    known = [event for event in events if event.happened_at < moment(day + 1)]
    assert known[-1].happened_at >= moment(day)
    has_subscriptions = any(event.table == "subscriptions" for event in known)
    assert has_subscriptions == (day > NO_SUBSCRIPTION_BEFORE)
    as_of, then = marts(warehouse, known)
    assert as_of == str(moment(day + 1).date())
    assert len(then) >= 20 and (not has_subscriptions or then["churn.rpt_mrr"][0])
    assert marts(warehouse, events, as_of) == (as_of, then)
    reliability(
        "catching up",
        "a past day built again",
        "as_of_date against a build of the files of that day; every mart that is not of files",
        tried=len(then),
        lost="nothing",
    )
