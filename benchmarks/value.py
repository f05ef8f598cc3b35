"""Customer value against lifetimes: `python -m benchmarks.value [customers]`.

Makes orders of so many customers (default 1,000,000; seeded) who buy as the BG/NBD model says, runs
the models from the counted orders to valued customers, and prints the medians of the seconds. With
a Python in which the package lifetimes is installed, named by the environment variable
LIFETIMES_PYTHON, it runs benchmarks/rivals/lifetimes_value.py on the same orders and prints the
ratio. That Python needs an environment of its own: lifetimes needs numpy < 2. Writes only into a
temporary folder.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from benchmarks.common import ROOT, ROUNDS, dbt, print_seconds

MODELS = (
    "int_orders_aggregated_to_customer_days",
    "int_customer_days_sequenced",
    "int_purchases_aggregated_to_histories",
    "int_histories_aggregated_to_statistics",
    "int_spells_counted_in_intervals",
    "int_clv_models_fitted",
    "int_histories_scored",
    "int_renewals_scored",
    "int_clv_models_compared",
    "int_customers_valued",
)
DAYS = 2 * 365


def main() -> None:
    """Measure and print."""
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        home, raw = Path(folder) / "home", Path(folder) / "raw"
        file = raw / "orders" / "orders.parquet"
        file.parent.mkdir(parents=True)
        write_orders(file, customers)
        dbt(home, raw, "seed")
        dbt(home, raw, "run", "--select", "+int_customers_valued")
        models = [dbt(home, raw, "run", "--select", *MODELS) for _ in range(ROUNDS)]
        for name in MODELS:
            print_seconds(name, [round_[name] for round_ in models])
        totals = [sum(round_.values()) for round_ in models]
        print_seconds(f"models, median of {ROUNDS}", totals)
        if python := os.environ.get("LIFETIMES_PYTHON"):
            script = ROOT / "benchmarks" / "rivals" / "lifetimes_value.py"
            rival = float(subprocess.check_output([python, script, file], text=True))
            print_seconds("lifetimes, once", [rival])
            ratio = rival / statistics.median(totals)
            print(f"lifetimes takes {ratio:.1f} times as long for {customers:,} customers")


def write_orders(file: Path, customers: int) -> None:
    """Write orders of BG/NBD buyers: a gamma rate, and a beta chance to leave after each order."""
    chance = np.random.default_rng(42)
    rate = chance.gamma(0.8, 1 / 6, customers) / 7
    leaves = chance.beta(0.8, 2.4, customers)
    mean_value = 40 / chance.gamma(4, 1 / 3, customers)
    day = chance.uniform(0, DAYS, customers)
    buyer = np.arange(customers)
    orders = []
    while buyer.size:
        value = mean_value[buyer] * chance.gamma(6, 1 / 6, buyer.size)
        orders.append(pd.DataFrame({"customer": buyer, "day": day, "amount": value.round(2)}))
        stays = chance.random(buyer.size) > leaves[buyer] * (len(orders) > 1)
        buyer, day = buyer[stays], day[stays]
        day = day + chance.exponential(1 / rate[buyer])
        buyer, day = buyer[day < DAYS], day[day < DAYS]
    table = pd.concat(orders)
    with duckdb.connect() as connection:
        connection.register("orders", table)
        connection.execute(
            "copy (select 'o' || row_number() over () as order_id, 'c' || customer as customer_id,"
            " timestamp '2023-01-01' + to_seconds((day * 86400)::bigint) as ordered_at,"
            f" amount::decimal(18, 2) as amount from orders) to '{file}'"
        )


if __name__ == "__main__":
    main()
