"""The volume guard: raw tables that shrank since the build that readers have now.

Raw files are immutable and are added over time, so a table that lost rows lost files: a mount
that failed, a folder that was cleaned. Every test on the rest may pass, and every number would be
wrong.
"""

from collections.abc import Mapping
from pathlib import Path

import duckdb

# Less than this share of the rows that were read before blocks publishing.
LEAST_SHARE = 0.5


def volume_drops(warehouse: Path, served: Path) -> list[str]:
    """Return a line for each raw table of `served` of which `warehouse` has read far less.

    Both are DuckDB files with meta.source_files; without a `served` file nothing has shrunk.
    """
    if not served.exists():
        return []
    before, now = _rows_read(served), _rows_read(warehouse)
    return [
        f"{table}: {now.get(table, 0):,} rows read, {rows:,} in the published build"
        for table, rows in sorted(before.items())
        if now.get(table, 0) < LEAST_SHARE * rows
    ]


def _rows_read(file: Path) -> Mapping[str, int]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return dict(
            connection.execute(
                "select table_name, sum(rows_read) from meta.source_files group by table_name"
            ).fetchall()
        )
