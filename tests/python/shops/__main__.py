"""Writes CDNOW and so many random shops, each with its dbt vars: `python -m shops FOLDER COUNT`.

For `make diff`: a folder per shop, with raw/ and vars.yml. The same count gives the same shops.
"""

import argparse
import gzip
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import yaml
from shops.landing_zone import plainly, write
from shops.random_shops import ChangingShop, EdgeShop, PaperShop

CDNOW = Path(__file__).parents[1] / "data" / "cdnow" / "CDNOW_master.txt.gz"
# In turn: every kind of shop meets every timezone and every policy.
ZONES = ("UTC", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")
POLICIES = (
    {},
    {"order_lapse_days": 30, "reactivation_gap_days": 7},
    {"churn_dated_on": "cancel_request", "past_due_pays": False},
    {"recurring_discount_counts": False, "nrr_includes_reactivation": True},
    {"free_orders_count": False},
    {"switch_gap_hours": 0, "date_only_ends": "last_day_of_service"},
)


def main() -> None:
    """Write the shops."""
    parser = argparse.ArgumentParser(prog="shops")
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    arguments = parser.parse_args()
    write_cdnow(arguments.folder / "cdnow")
    for number in range(arguments.count):
        write_random_shop(arguments.folder, number)


def write_cdnow(folder: Path) -> None:
    """Write all 69,659 orders, as of the end of the published data."""
    with gzip.open(CDNOW, "rt") as stream:
        names = ["customer_id", "date", "number_of_cds", "amount"]
        table = pd.read_csv(stream, sep=r"\s+", names=names, dtype=str, skiprows=1)
    table["order_id"] = [str(number) for number in range(1, len(table) + 1)]
    table["ordered_at"] = pd.to_datetime(table["date"], format="%Y%m%d").dt.strftime("%Y-%m-%d")
    (folder / "raw" / "orders").mkdir(parents=True)
    table[["order_id", "customer_id", "ordered_at", "amount"]].to_csv(
        folder / "raw" / "orders" / "all.csv", index=False
    )


def write_random_shop(folder: Path, number: int) -> None:
    """Write the random shop of this number."""
    zone = ZONES[number % len(ZONES)]
    policy = POLICIES[number % len(POLICIES)]
    kind = ("edge", "changing", "paper")[number % 3]
    if kind == "edge":
        as_of = EdgeShop.AS_OF[number % len(EdgeShop.AS_OF)]
        shop = EdgeShop(number, 60, "orders and subscriptions", ZoneInfo(zone))
    elif kind == "changing":
        as_of = date(2025, 11, 18)
        shop = ChangingShop(number, 100, ZoneInfo(zone), as_of)
    else:
        as_of = date(2025, 10, 1)
        shop = PaperShop(number, 300, ZoneInfo(zone), as_of)
    shop_folder = folder / f"random-{number:02}-{kind}"
    write(shop_folder / "raw", getattr(shop, "files", None) or plainly(shop.tables))
    variables = {"reporting_timezone": zone, "as_of_date": as_of.isoformat(), **policy}
    (shop_folder / "vars.yml").write_text(yaml.safe_dump(variables), encoding="utf-8")


if __name__ == "__main__":
    main()
