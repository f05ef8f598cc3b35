"""Which row a failing data test found: the key of one of them, and nothing else of it.

It leaves the machine in alerts, so what may be said is a list of names of columns. Whatever is not
on it, such as an e-mail address, a name or a free text, stays in the private warehouse.
"""

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

# Of the columns that identify rows in models/**/*.yml, and of those that tests return, the ones
# whose values are ids, places in files, dates, counters or words of our own or of a segment.
_KEYS = {
    "activity_date",
    "as_of",
    "basis",
    "billing_interval",
    "cohort_start",
    "currency",
    "date_day",
    "decile",
    "duration",
    "ended_at",
    "file",
    "fit",
    "is_voluntary",
    "model",
    "month",
    "outcome",
    "parameter",
    "period_grain",
    "period_start",
    "periods_since",
    "record_number",
    "renewals",
    "run_number",
    "scenario",
    "segment_name",
    "segment_value",
    "spell_number",
    "spend_date",
    "table_name",
    "time_unit",
    "valid_from",
}
# What dbt's own generic tests call the tested column.
_TESTED = {"unique_field", "value_field", "from_field"}

_LONGEST_VALUE = 60
_LONGEST = 200
_SECONDS = 10


def sample_key(
    compiled: Path, warehouse: Path, scratch: Path, column: str | None = None
) -> str | None:
    """Return the key of a row that the SQL in `compiled` finds, such as `order_id=7, file=a.csv`.

    `warehouse` is the file that dbt has built and left, `scratch` where DuckDB may spill, `column`
    the one that a generic test is about. Returns None if no column is a key, and whatever goes
    wrong: a sample is a help, and must not hide what it is a sample of.
    """
    try:
        row = _first_row(compiled.read_text(encoding="utf-8"), warehouse, scratch)
    except Exception:
        return None
    named = ((column if name in _TESTED else name, value) for name, value in row.items())
    keys = [f"{name}={_shown(value)}" for name, value in named if name and _is_key(name)]
    return ", ".join(keys)[:_LONGEST] or None


def _first_row(query: str, warehouse: Path, scratch: Path) -> Mapping[str, Any]:
    settings = {
        "memory_limit": os.environ.get("TENURE_MEMORY_LIMIT", "4GB"),
        "threads": os.environ.get("TENURE_DUCKDB_THREADS", "2"),
        "temp_directory": str(scratch),
    }
    with duckdb.connect(str(warehouse), read_only=True, config=settings) as connection:
        connection.execute("set timezone = 'UTC'")
        # The night has failed already; nobody waits long for an example.
        limit = threading.Timer(_SECONDS, connection.interrupt)
        limit.start()
        try:
            # On lines of its own: the query may end in a comment.
            found = connection.execute(f"from (\n{query}\n) limit 1")
            names = [name for name, *_ in found.description or ()]
            return dict(zip(names, found.fetchone() or (), strict=False))
        finally:
            limit.cancel()


def _is_key(name: str) -> bool:
    return name.endswith("_id") or name in _KEYS


def _shown(value: object) -> str:
    text = "".join(letter if letter.isprintable() else " " for letter in str(value))
    # Some shops know their customers by e-mail address.
    if "@" in text:
        return "(hidden)"
    return "NULL" if value is None else text[:_LONGEST_VALUE]
