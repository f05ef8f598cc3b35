"""The rivals: other ways to do a part of the night. They run on the same data and are checked.

Each rival makes less than the models to which it is compared.
"""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.measure import Measured, measure

SCRIPTS = Path(__file__).parent

COHORTS = (
    "stg_source_files",
    "stg_order_records",
    "int_orders_assessed",
    "int_orders_aggregated_to_customer_days",
    "int_customer_days_sequenced",
    "rpt_order_cohorts",
)
VALUES = (
    "int_orders_aggregated_to_customer_days",
    "int_customer_days_sequenced",
    "int_purchases_aggregated_to_histories",
    "int_histories_aggregated_to_statistics",
    "int_clv_models_fitted",
    "int_histories_scored",
    "int_clv_models_compared",
    "int_customers_scored",
    "int_buyers_valued",
)
MONTHS = (
    "int_subscriptions_aggregated_to_month_ends",
    "int_subscriptions_aggregated_to_customer_months",
)


@dataclass
class Rival:
    """The run of a rival, and the models that make at least the same results.

    `total` is one run of dbt on these models without any segment, as the rival has none.
    """

    name: str
    measured: Measured
    models: Sequence[str]
    total: Measured | None = None


def rivals(raw: Path, home: Path) -> Iterator[Rival]:
    """Run each rival after a night in `home`; a wrong result of a rival ends the benchmark."""
    warehouse = home / "build" / "warehouse.duckdb"
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        [truth] = connection.execute(
            "select"
            " (select coalesce(sum(active_customers), 0) from cohorts.rpt_order_cohorts"
            "  where segment_name = 'all' and period_grain = 'month'),"
            " (select coalesce(sum(closing_mrr), 0)::varchar from churn.rpt_mrr"
            "  where segment_name = 'all'),"
            " (select count(*) from clv.fct_customer_value where frequency is not null)"
        ).fetchall()
    cells, mrr, customers = truth
    yield _run("subscriptions by day", MONTHS, {"mrr": mrr}, "exploded_days", warehouse)
    if python := os.environ.get("LIFETIMES_PYTHON"):
        orders = home / "serve" / "current" / "parquet" / "core" / "fct_orders.parquet"
        yield _run("lifetimes", VALUES, {"customers": customers}, "lifetimes_value", orders, python)
    # Last, because the models of the total overwrite those of the night.
    rival = _run("cohorts in pandas", COHORTS, {"cells": cells}, "pandas_cohorts", raw)
    yield replace(rival, total=_without_segments(COHORTS, raw, home))


def _without_segments(models: Sequence[str], raw: Path, home: Path) -> Measured:
    """Run dbt on some models, from the raw files on, with nothing but the total.

    The project is parsed before, as it is before any night but the first with these vars.
    """
    dbt = [Path(sys.executable).with_name("dbt"), "--quiet"]
    variables = ["--vars", "{segments: []}"]
    environment = {
        "TENURE_RAW_DIR": str(raw),
        "TENURE_HOME": str(home),
        "DBT_TARGET_PATH": str(home / "target"),
        "DBT_LOG_PATH": str(home / "logs"),
    }
    measure([*dbt, "parse", *variables], environment=environment)
    return measure(
        [*dbt, "run", *variables, "--select", "int_customers_segmented", *models],
        home / "build" / "tmp",
        environment,
    )


def _run(
    name: str,
    models: Sequence[str],
    truth: dict[str, Any],
    script: str,
    data: Path,
    python: str = sys.executable,
) -> Rival:
    measured = measure([python, SCRIPTS / f"{script}.py", data])
    found = json.loads(measured.output.splitlines()[-1])
    if found != truth:
        sys.exit(f"{name} found {found}, published is {truth}")
    return Rival(name, measured, models)
