"""The floor, as an expert would write it by hand: `python -m benchmarks.floor RAW OUT`.

Makes the published tables from the raw files, in one DuckDB process with the settings of the night.
The SQL files of this folder do the work, and estimation/ does the fits. The tables go to
OUT/tenure.duckdb and OUT/parquet/. Prints the wall and the CPU seconds of each step as JSON.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import duckdb

from benchmarks.floor.fits import fit_and_score
from orchestration.settings.duckdb_settings import duckdb_settings

FOLDER = Path(__file__).parent
SEEDS = FOLDER.parents[1] / "seeds"


def main() -> None:
    """Make everything."""
    raw, out = (Path(argument).absolute() for argument in sys.argv[1:3])
    settings = {**duckdb_settings(out / "tmp"), "preserve_insertion_order": False}
    steps = {}
    with duckdb.connect(config=settings) as connection:
        connection.execute(f"attach '{out / 'tenure.duckdb'}' as tenure (storage_version 'v1.0.0')")
        connection.execute("use tenure")
        connection.execute(f"set variable raw = '{raw}'; set variable seeds = '{SEEDS}'")
        for file in sorted(FOLDER.glob("*.sql")):
            if file.stem == "70_values":
                steps["fits"] = seconds(partial(fit_and_score, connection))
            steps[file.stem] = seconds(partial(connection.execute, file.read_text()))
        steps["parquet"] = seconds(partial(write_parquet, connection, out / "parquet"))
        steps["checkpoint"] = seconds(partial(connection.execute, "checkpoint tenure"))
    print(json.dumps(steps))


def seconds(step: Callable[[], object]) -> tuple[float, float]:
    """Return the wall and the CPU seconds of a step."""
    wall, cpu = time.perf_counter(), time.process_time()
    step()
    return time.perf_counter() - wall, time.process_time() - cpu


def write_parquet(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write each table to Parquet, as publishing does."""
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'tenure'"
    ).fetchall()
    for schema, table in tables:
        (folder / schema).mkdir(parents=True, exist_ok=True)
        file = folder / schema / f"{table}.parquet"
        connection.execute(f"copy {schema}.{table} to '{file}' (format parquet, compression zstd)")


if __name__ == "__main__":
    main()
