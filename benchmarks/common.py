"""What the benchmarks share: raw files, dbt and hand-written SQL on a scratch warehouse."""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import duckdb

ROOT = Path(__file__).parents[1]
ROUNDS = 3


def write_raw(file: Path, query: str) -> None:
    """Write the rows of a query that draws random numbers to a raw file, the same each time."""
    file.parent.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute("select setseed(0.42); set threads = 1")
        connection.execute(f"copy ({query}) to '{file}'")


def dbt(home: Path, raw: Path, *arguments: str) -> dict[str, float]:
    """Run dbt on the scratch warehouse; return the seconds of each model."""
    (home / "build").mkdir(parents=True, exist_ok=True)
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


def open_warehouse(home: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection to the scratch warehouse, read-only, with the threads that dbt gets."""
    settings = {"threads": 2, "memory_limit": "4GB", "temp_directory": str(home / "tmp")}
    connection = duckdb.connect(config=settings)
    connection.execute(f"attach '{home}/build/warehouse.duckdb' as warehouse (read_only)")
    return connection


def floor(connection: duckdb.DuckDBPyConnection, name: str) -> float:
    """Make the table of benchmarks/floor/<name>.sql, of that name; return the seconds."""
    query = (ROOT / "benchmarks" / "floor" / f"{name}.sql").read_text()
    start = time.perf_counter()
    connection.execute(f"create table {name} as {query}")
    return time.perf_counter() - start


def report(models: list[dict[str, float]], floors: list[float], of_what: str) -> None:
    """Print the medians of the rounds: each model, all of them, the floor and the ratio."""
    for name in models[0]:
        print_seconds(name, [round_[name] for round_ in models])
    totals = [sum(round_.values()) for round_ in models]
    print_seconds(f"models, median of {len(models)}", totals)
    print_seconds(f"floor, median of {len(floors)}", floors)
    print(f"ratio over {of_what}: {statistics.median(totals) / statistics.median(floors):.2f}")


def print_seconds(name: str, rounds: list[float]) -> None:
    """Print a median."""
    print(f"{name:<50}{statistics.median(rounds):8.2f} s")
