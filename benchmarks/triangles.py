"""The triangles of rpt_order_cohorts against the floor: `python -m benchmarks.triangles [orders]`.

Makes so many orders (default 1,000,000; seeded), runs the models from the counted orders to the
published triangles, runs benchmarks/floor/order_cohorts.sql on the same counted orders with the
same threads, and prints the medians of the CPU-bound seconds and their ratio. Writes only into a
temporary folder.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

ROOT = Path(__file__).parents[1]
MODELS = (
    "int_orders_aggregated_to_customer_days",
    "int_customer_days_sequenced",
    "rpt_order_cohorts",
)
ROUNDS = 3

# Customers come back at rates that differ from one to the next, over four years.
ORDERS = """
copy (
    select
        'o' || range as order_id,
        'c' || floor(pow(random(), 2) * {customers})::bigint as customer_id,
        timestamp '2021-01-01' + to_seconds(floor(random() * 4 * 365 * 86400)::bigint)
            as ordered_at,
        (5 + random() * 90)::decimal(18, 2) as amount
    from range({orders})
) to '{file}'
"""


def main() -> None:
    """Measure and print."""
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        home, raw = Path(folder) / "home", Path(folder) / "raw"
        (home / "build").mkdir(parents=True)
        (raw / "orders").mkdir(parents=True)
        with duckdb.connect() as connection:
            connection.execute("select setseed(0.42); set threads = 1")
            connection.execute(
                ORDERS.format(
                    customers=orders // 4, orders=orders, file=raw / "orders" / "orders.parquet"
                )
            )
        dbt(home, raw, "seed")
        dbt(home, raw, "run", "--select", "+rpt_order_cohorts")
        models, floors = [], []
        for _ in range(ROUNDS):
            models.append(dbt(home, raw, "run", "--select", *MODELS))
            floors.append(floor(home))
    for name in MODELS:
        seconds = statistics.median(round_[name] for round_ in models)
        print(f"{name:<42}{seconds:8.2f} s")
    model = statistics.median(sum(round_.values()) for round_ in models)
    print(f"{'models, median of ' + str(ROUNDS):<42}{model:8.2f} s")
    print(f"{'floor, median of ' + str(ROUNDS):<42}{statistics.median(floors):8.2f} s")
    print(f"ratio over {orders:,} orders: {model / statistics.median(floors):.2f}")


def dbt(home: Path, raw: Path, *arguments: str) -> dict[str, float]:
    """Run dbt on the scratch warehouse; return the seconds of each model."""
    environment = {
        "TENURE_HOME": str(home),
        "TENURE_RAW_DIR": str(raw),
        "TENURE_DBT_THREADS": "1",
        "DBT_TARGET_PATH": str(home / "target"),
        "DBT_LOG_PATH": str(home / "logs"),
    }
    subprocess.run(
        [Path(sys.executable).with_name("dbt"), "--quiet", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        check=True,
    )
    results = json.loads((home / "target" / "run_results.json").read_text())["results"]
    return {result["unique_id"].split(".")[-1]: result["execution_time"] for result in results}


def floor(home: Path) -> float:
    """Return the seconds of the hand-written query on the same counted orders."""
    query = (ROOT / "benchmarks" / "floor" / "order_cohorts.sql").read_text()
    settings = {"threads": 2, "memory_limit": "4GB", "temp_directory": str(home / "tmp")}
    with duckdb.connect(config=settings) as connection:
        connection.execute(f"attach '{home}/build/warehouse.duckdb' as warehouse (read_only)")
        start = time.perf_counter()
        connection.execute(f"create table triangles as {query}")
        return time.perf_counter() - start


if __name__ == "__main__":
    main()
