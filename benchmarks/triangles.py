"""The triangles of rpt_order_cohorts against the floor: `python -m benchmarks.triangles [orders]`.

Makes so many orders (default 1,000,000; seeded), runs the models from the counted orders to the
published triangles, runs benchmarks/floor/order_cohorts.sql on the same counted orders with the
same threads, and prints the medians of the CPU-bound seconds and their ratio. Writes only into a
temporary folder.
"""

import sys
import tempfile
from pathlib import Path

from benchmarks.common import ROUNDS, dbt, floor, open_warehouse, report, write_raw

MODELS = (
    "int_orders_aggregated_to_customer_days",
    "int_customer_days_sequenced",
    "rpt_order_cohorts",
)

# Customers come back at rates that differ from one to the next, over four years.
ORDERS = """
select
    'o' || range as order_id,
    'c' || floor(pow(random(), 2) * {customers})::bigint as customer_id,
    timestamp '2021-01-01' + to_seconds(floor(random() * 4 * 365 * 86400)::bigint)
        as ordered_at,
    (5 + random() * 90)::decimal(18, 2) as amount
from range({orders})
"""


def main() -> None:
    """Measure and print."""
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        home, raw = Path(folder) / "home", Path(folder) / "raw"
        write_raw(
            raw / "orders" / "orders.parquet",
            ORDERS.format(customers=orders // 4, orders=orders),
        )
        dbt(home, raw, "seed")
        dbt(home, raw, "run", "--select", "+rpt_order_cohorts")
        models, floors = [], []
        for _ in range(ROUNDS):
            models.append(dbt(home, raw, "run", "--select", *MODELS))
            with open_warehouse(home) as connection:
                floors.append(floor(connection, "order_cohorts"))
    report(models, floors, f"{orders:,} orders")


if __name__ == "__main__":
    main()
