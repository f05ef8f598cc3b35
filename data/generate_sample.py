"""Write the sample shop: raw files of a coffee shop that sells by the order and by subscription.

    python data/generate_sample.py [folder]

The right answers lie beside the folder, in `<folder>_truth`. The package `truth` works them out
from the same rows, without the models.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from shop import deliveries
from shop.chance import Dice
from shop.customers import customer_records
from shop.days import AS_OF, DAYS, clock
from shop.faults import faulty_files
from shop.hard_cases import hard_cases
from shop.marketing import marketing_spend
from shop.milestones import milestones_of
from shop.orders import Order, guest_orders, numbered, orders_of, refunds_of
from shop.people import Shopper, shoppers, the_curious
from shop.plays import Plays
from shop.subscriptions import subscriptions_of
from shop.tables import VOICE, Row, moment_of
from shop.voice import carts_of, feedback_of, tickets_of
from truth import CountedRows, write_truth

HERE = Path(__file__).resolve().parent
EXCHANGE_RATES = HERE.parent / "seeds" / "exchange_rates.csv"


def main() -> None:
    """Read the command line and write the sample."""
    parser = argparse.ArgumentParser(description="Write the sample shop's raw files.")
    parser.add_argument("folder", nargs="?", type=Path, default=HERE / "sample")
    generate(parser.parse_args().folder)


def generate(folder: Path) -> None:
    """Write the whole sample into this folder, a folder per table, and the truth beside it."""
    people, orders, subscriptions, milestones = shoppers(), guest_orders(), [], []
    people += the_curious(people)
    first_seen: dict[str, datetime] = {}
    ordered: dict[str, list[datetime]] = {}
    voice: dict[str, list[Row]] = {name: [] for name in VOICE}
    for person in people:
        bought, subscribed = purchases_of(person)
        orders += bought
        subscriptions += subscribed
        moments = [moment_of(item.row, "ordered_at") for item in bought]
        ordered[person.customer_id] = sorted(moments)
        moments += [moment_of(row, "started_at") for row in subscribed]
        if moments:
            first_seen[person.customer_id] = min(moments)
            milestones += milestones_of(person, ordered[person.customer_id], subscribed)
        tickets = tickets_of(person, ordered[person.customer_id], subscribed)
        voice["tickets"] += tickets
        voice["feedback"] += feedback_of(person, ordered[person.customer_id], subscribed, tickets)
    orders = numbered(orders)
    voice["carts"] = carts_of(people, orders)
    refunds = refunds_of(orders)
    customers = customer_records(people, first_seen, ordered)
    # After all that has happened without plays, which so stays as it is.
    plays = Plays(people, orders, subscriptions, customers, EXCHANGE_RATES)
    orders += plays.numbered_orders(after=len(orders))
    cases = hard_cases()
    for case in cases:
        customers += case.customers
        milestones += case.milestones
        for name, rows in case.voice.items():
            voice[name] += rows
        if case.is_of_billing:
            continue
        orders += case.orders
        refunds += case.refunds
        subscriptions += case.subscriptions
    delivered = {
        "customers": deliveries.deliver_customers(table(folder, "customers"), customers),
        "orders": deliveries.deliver_orders(table(folder, "orders"), orders),
        "refunds": deliveries.deliver_refunds(table(folder, "refunds"), refunds),
        "subscriptions": deliveries.deliver_subscriptions(
            table(folder, "subscriptions"), subscriptions
        ),
        "milestones": deliveries.deliver_milestones(table(folder, "milestones"), milestones),
        "contacts": deliveries.deliver_contacts(table(folder, "contacts"), plays.contacts),
        **deliveries.deliver_voice(folders(folder, VOICE), voice),
        "marketing_spend": deliveries.deliver_spend(
            table(folder, "marketing_spend"), marketing_spend()
        ),
    }
    for name, rows in deliveries.deliver_billing(folder, cases).items():
        delivered[name] += rows
    rejected, emptied = add_faults(folder, delivered)
    write_truth(
        folder.with_name(f"{folder.name}_truth"),
        CountedRows(delivered, rejected, emptied, AS_OF),
        EXCHANGE_RATES,
        plays.brought,
    )


def purchases_of(person: Shopper) -> tuple[list[Order], list[Row]]:
    """Return the orders and the subscriptions of a customer, who may begin with either."""
    dice = Dice(person.customer_id, "beginning")
    order_day = subscription_day = float(person.arrived_on)
    if person.buys and person.subscribes:
        if dice.chance(0.65):
            subscription_day += dice.exponential(80.0)
        else:
            order_day += dice.exponential(45.0)
    orders: list[Order] = []
    subscriptions: list[Row] = []
    if person.buys and order_day < DAYS:
        orders = orders_of(person, order_day)
    if person.subscribes and subscription_day < DAYS:
        subscriptions = subscriptions_of(person, clock(dice, subscription_day))
    return orders, subscriptions


def add_faults(
    folder: Path, delivered: dict[str, list[Row]]
) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """Write the faulty files, and add their readable rows to those delivered.

    Return how many rows are rejected for each table and column, and how many have it left empty.
    """
    rejected: Counter[tuple[str, str]] = Counter()
    emptied: Counter[tuple[str, str]] = Counter()
    for name, file in faulty_files().items():
        (table(folder, name) / "2025-06-late-and-faulty.csv").write_bytes(file.content())
        delivered[name] += file.readable_rows()
        for column, lines in file.rejected().items():
            rejected[name, column] += lines
        for column, lines in file.emptied().items():
            emptied[name, column] += lines
    return rejected, emptied


def folders(folder: Path, names: Iterable[str]) -> Path:
    """Return the folder of all tables, with folders for these."""
    for name in names:
        table(folder, name)
    return folder


def table(folder: Path, name: str) -> Path:
    """Return the folder of a table, and make it if needed."""
    path = folder / name
    path.mkdir(parents=True, exist_ok=True)
    return path


if __name__ == "__main__":
    main()
