"""One row per file of the landing zone: what it is called, what it holds and what it hashes to.

Everything that reads raw files reads this list, so a file that lands while a build runs is either
in the whole build or in none of it.
"""

import csv
import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

SUFFIXES = (".csv", ".csv.gz", ".parquet")


def model(dbt: Any, session: Any) -> pd.DataFrame:
    """Return the model; dbt and session are what dbt gives to every Python model."""
    raw_dir = Path(dbt.config.get("raw_dir")).absolute()
    files = [
        describe(session, raw_dir, path)
        for table_name in dbt.config.get("raw_tables")
        for path in sorted((raw_dir / table_name).glob("*"))
        if path.name.endswith(SUFFIXES) and not path.name.startswith(".")
    ]
    if not any(file["table_name"] in ("orders", "subscriptions") for file in files):
        raise ValueError(
            f"{raw_dir}: no raw files; put {', '.join(SUFFIXES)} files into its folder orders"
            " or subscriptions"
        )
    return pd.DataFrame(files)


def describe(session: Any, raw_dir: Path, path: Path) -> dict[str, Any]:
    """Return the row of one file. Raises ValueError, naming the file, if it cannot be read."""
    file = str(path.relative_to(raw_dir))
    is_parquet = path.name.endswith(".parquet")
    try:
        columns = parquet_columns(session, path) if is_parquet else csv_columns(path)
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except Exception as error:
        raise ValueError(f"{file}: cannot be read: {error}") from error
    return {
        "table_name": path.parent.name,
        "file": file,
        "path": str(path),
        "format": "parquet" if is_parquet else "csv",
        "sha256": sha256,
        "columns": json.dumps(columns),
        "bytes": path.stat().st_size,
    }


def csv_columns(path: Path) -> list[str]:
    """Return the names in the heading line of a CSV file, gzipped or not."""
    with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as stream:
        lines: Iterator[str] = (line.decode("utf-8-sig") for line in stream)
        return [name.strip() for name in next(csv.reader(lines), [])]


def parquet_columns(session: Any, path: Path) -> list[str]:
    """Return the names of a Parquet file's columns."""
    escaped = str(path).replace("'", "''")
    return session.sql(f"select * from read_parquet('{escaped}') limit 0").columns
