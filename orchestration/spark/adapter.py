"""Two things that dbt-spark does not do by itself in a session of this process.

Both lean on names of dbt-spark 1.11 that are no promise, so the extra is held to that series, and
tests/python/spark look at what comes out.
"""

from __future__ import annotations

from typing import Any

from dbt.adapters.base import PythonJobHelper
from dbt.adapters.spark.connections import SparkCredentials
from dbt.adapters.spark.impl import SparkAdapter

from orchestration.spark.relations import relation_of, table_of

_ANSI = "spark.sql.ansi.enabled"
_HERE = "this_process"


class ModelsOfThisProcess(PythonJobHelper):
    """Runs a Python model in this process, where dbt-spark would send it to Databricks."""

    def __init__(self, parsed_model: dict[str, Any], credentials: SparkCredentials) -> None:
        """Take what dbt gives to every such helper, and use none of it."""

    def submit(self, compiled_code: str) -> None:
        """Run the model and write its table; macro py_write_table has added the last lines."""
        from pyspark.sql import SparkSession

        spark = SparkSession.active()
        names = {
            "spark": spark,
            "load_relation": lambda name: relation_of(spark.table(name)),
            "write_table": lambda frame, name, file_format: (
                spark.createDataFrame(table_of(frame)).write.format(file_format).saveAsTable(name)
            ),
        }
        exec(compile(compiled_code, "a Python model", "exec"), names)


def adapt() -> None:
    """Let dbt-spark run Python models here, and leave the session's ANSI mode on."""
    SparkAdapter.python_submission_helpers = property(lambda self: {_HERE: ModelsOfThisProcess})
    SparkAdapter.default_python_submission_method = property(lambda self: _HERE)
    made = SparkCredentials.__post_init__

    def with_ansi_mode(credentials: SparkCredentials) -> None:
        made(credentials)
        # dbt-spark switches it off, and sets it again before each statement.
        credentials.server_side_parameters[_ANSI] = "true"

    SparkCredentials.__post_init__ = with_ansi_mode
