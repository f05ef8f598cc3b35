"""Tables of Spark for the Python models, which are written for relations of DuckDB.

A model sees the same methods and gets the same pandas types on both engines, to the last bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class SparkRelation:
    """A table of Spark with the methods of a DuckDB relation.

    Rows are chosen and columns are picked by Spark. Whatever else is asked of it brings the result
    to this process, where DuckDB does the rest.
    """

    def __init__(self, frame: DataFrame) -> None:
        """Wrap a data frame of Spark."""
        self._frame = frame

    def filter(self, condition: str) -> SparkRelation:
        """Return the rows of which the condition is true."""
        return SparkRelation(self._frame.filter(condition))

    def project(self, columns: str) -> SparkRelation:
        """Return some columns, named with commas between them."""
        return SparkRelation(self._frame.select(*columns.split(", ")))

    def distinct(self) -> SparkRelation:
        """Return each different row once."""
        return SparkRelation(self._frame.distinct())

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        """Return what DuckDB's relation of the same rows has under that name."""
        # A connection of its own: two models may run at once, and DuckDB's default one is shared.
        return getattr(duckdb.connect().from_arrow(self._frame.toArrow()), name)
