"""A monthly cohort table in pandas: `python pandas_cohorts.py RAW`.

Counts the customers of each first month who buy in each later month. There is only the total: no
revenue, refunds, other grains, segments or intervals. Prints the sum of all cells as JSON.
"""

import json
import sys
from pathlib import Path

import duckdb
import pandas as pd

COLUMNS = ["order_id", "customer_id", "status", "ordered_at", "updated_at"]


def main() -> None:
    """Print the sum of the table."""
    raw = Path(sys.argv[1]) / "orders"
    # DuckDB reads Parquet here, since pandas needs one more package for it.
    parts = [duckdb.sql(f"select {', '.join(COLUMNS)} from '{raw}/*.parquet'").df()]
    for file in sorted(raw.glob("*.csv")):
        parts.append(pd.read_csv(file, usecols=COLUMNS, parse_dates=["ordered_at", "updated_at"]))
    orders = pd.concat(parts).sort_values("updated_at").drop_duplicates("order_id", keep="last")
    orders = orders[(orders["status"] != "cancelled") & orders["customer_id"].notna()]
    orders["month"] = orders["ordered_at"].dt.to_period("M")
    orders["cohort"] = orders.groupby("customer_id")["month"].transform("min")
    table = orders.pivot_table(
        index="cohort", columns="month", values="customer_id", aggfunc="nunique", fill_value=0
    )
    print(json.dumps({"cells": int(table.to_numpy().sum())}))


if __name__ == "__main__":
    main()
