"""The settings of DuckDB connections that do heavy work. dbt has the same ones in profiles.yml."""

import os
from pathlib import Path

import duckdb

# As Spark sorts. Where dbt's queries run outside of dbt, a window must find the same first row.
NULL_ORDER = "nulls_first_on_asc_last_on_desc"


def duckdb_settings(scratch: Path) -> dict[str, str]:
    """Return the `config` of a connection that writes temporary files into the folder `scratch`.

    $TENURE_MEMORY_LIMIT (4GB) and $TENURE_DUCKDB_THREADS (2) bound its memory and its threads.
    """
    return {
        "temp_directory": str(scratch),
        "memory_limit": _memory_limit(),
        "threads": os.environ.get("TENURE_DUCKDB_THREADS") or "2",
    }


def require_usable_resources() -> None:
    """Raise ValueError if the memory or a number of threads, also that of dbt, is not allowed."""
    for name in ("TENURE_DUCKDB_THREADS", "TENURE_DBT_THREADS"):
        text = os.environ.get(name) or "2"
        if not text.isdecimal() or int(text) < 1:
            raise ValueError(f"{name}: {text!r} is not allowed; give a number from 1 on")
    try:
        duckdb.connect(config={"memory_limit": _memory_limit()}).close()
    except duckdb.Error as error:
        raise ValueError(
            f"TENURE_MEMORY_LIMIT: {_memory_limit()!r} is not allowed;"
            f" give a size such as 4GB or 512MB ({str(error).splitlines()[0]})"
        ) from None


def _memory_limit() -> str:
    return os.environ.get("TENURE_MEMORY_LIMIT") or "4GB"
