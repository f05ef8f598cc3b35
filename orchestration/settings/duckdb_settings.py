"""The settings of DuckDB connections that do heavy work. dbt has the same ones in profiles.yml."""

import os
from pathlib import Path

# As Spark sorts. Where dbt's queries run outside of dbt, a window must find the same first row.
NULL_ORDER = "nulls_first_on_asc_last_on_desc"


def duckdb_settings(scratch: Path) -> dict[str, str]:
    """Return the `config` of a connection that writes temporary files into the folder `scratch`.

    $TENURE_MEMORY_LIMIT (4GB) and $TENURE_DUCKDB_THREADS (2) bound its memory and its threads.
    """
    return {
        "temp_directory": str(scratch),
        "memory_limit": os.environ.get("TENURE_MEMORY_LIMIT", "4GB"),
        "threads": os.environ.get("TENURE_DUCKDB_THREADS", "2"),
    }
