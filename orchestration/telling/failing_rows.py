"""The key of one row that a failing data test found, and no other column of that row.

Alerts carry the key to other machines. So only columns on a list are shown. All other columns, such
as an e-mail address, a name or a free text, stay in the private warehouse.
"""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from orchestration.settings.duckdb_settings import duckdb_settings

# Columns that identify a row, in models/**/*.yml or in the result of a test. Their values are ids,
# places in files, dates, counters, our own words, or the name of a segment: no personal data.
_KEYS = {
    "activity_date",
    "as_of",
    "basis",
    "billing_interval",
    "cohort_month",
    "cohort_quarter",
    "cohort_start",
    "currency",
    "date_day",
    "decile",
    "duration",
    "ended_at",
    "enrollment_number",
    "f_score",
    "file",
    "is_voluntary",
    "measure",
    "model",
    "month",
    "months_since",
    "months_since_start",
    "outcome",
    "parameter",
    "period_grain",
    "period_start",
    "periods_since",
    "quarter",
    "quarters_since",
    "r_score",
    "record_number",
    "renewals",
    "run_number",
    "scenario",
    "segment_name",
    "segment_value",
    "side",
    "spell_number",
    "spend_date",
    "stage",
    "step_number",
    "table_name",
    "time_unit",
    "trained_on",
    "trigger_number",
    "valid_from",
}
# dbt's own generic tests return the tested column under one of these names.
_TESTED = {"unique_field", "value_field", "from_field"}

_LONGEST_VALUE = 60
_LONGEST = 200
_SECONDS = 10
_KEPT = "failing_rows.json"


def failing_row_key(
    compiled: Path, warehouse: Path, scratch: Path, column: str | None = None
) -> str | None:
    """Return the key of the first row of a test's SQL, such as `order_id=7, file=a.csv`.

    `compiled` is the file with the SQL, `warehouse` the private DuckDB file, and `scratch` the
    folder for temporary files. `column` is the tested column of a generic test. Returns None if no
    column is a key, and after any error: the key only helps, and must not hide the failure itself.
    """
    try:
        row = _first_row(compiled.read_text(encoding="utf-8"), warehouse, scratch)
    except Exception:
        return None
    return _key(row, column)


def keep_rows(folder: Path, rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Keep rows that failed tests found, by the test's unique id: of an engine that is no file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _KEPT).write_text(json.dumps(rows, default=str), encoding="utf-8")


def kept_row_key(folder: Path, unique_id: str, column: str | None = None) -> str | None:
    """Return what `failing_row_key` does, from the row that `keep_rows` kept in `folder`."""
    try:
        rows = json.loads((folder / _KEPT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return _key(rows.get(unique_id, {}), column)


def _key(row: Mapping[str, Any], column: str | None) -> str | None:
    named = ((column if name in _TESTED else name, value) for name, value in row.items())
    keys = [f"{name}={_shown(value)}" for name, value in named if name and _is_key(name)]
    return ", ".join(keys)[:_LONGEST] or None


def _first_row(query: str, warehouse: Path, scratch: Path) -> Mapping[str, Any]:
    with duckdb.connect(
        str(warehouse), read_only=True, config=duckdb_settings(scratch)
    ) as connection:
        connection.execute("set timezone = 'UTC'")
        # The build has failed already. An example is not worth a long wait.
        limit = threading.Timer(_SECONDS, connection.interrupt)
        limit.start()
        try:
            # The query has lines of its own, because it may end in a comment.
            found = connection.execute(f"from (\n{query}\n) limit 1")
            names = [name for name, *_ in found.description or ()]
            return dict(zip(names, found.fetchone() or (), strict=False))
        finally:
            limit.cancel()


def _is_key(name: str) -> bool:
    return name.endswith("_id") or name in _KEYS


def _shown(value: object) -> str:
    text = "".join(letter if letter.isprintable() else " " for letter in str(value))
    # Some shops use the e-mail address as the id of a customer.
    if "@" in text:
        return "(hidden)"
    return "NULL" if value is None else text[:_LONGEST_VALUE]
