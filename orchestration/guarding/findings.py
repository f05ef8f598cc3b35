"""What the guards share: rows of a DuckDB file, and how bad a value is."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from orchestration.guarding.thresholds import Limits

# A row of a table, by column.
Row = Mapping[str, Any]
# Severity, message and metadata of a Result.
Finding = tuple[str | None, str, Mapping[str, Any]]


def rows(file: Path, query: str) -> list[Row]:
    """Return the rows of a query on a DuckDB file. Raises duckdb.Error if that fails."""
    with duckdb.connect(str(file), read_only=True) as connection:
        relation = connection.sql(query)
        return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def severity_of(limits: Limits, is_past: Callable[[Any], bool]) -> str | None:
    """Return error or warn, the worst of the `limits` that a value is past; else None."""
    return next(
        (name for name in ("error", "warn") if name in limits and is_past(limits[name])), None
    )
