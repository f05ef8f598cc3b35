"""The Spark session in which dbt runs, and its settings."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING

from orchestration import paths
from orchestration.settings.engine import catalog, refuse_other_spark

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def master() -> str:
    """Return where Spark runs: $SPARK_MASTER, else two threads of this machine."""
    return os.environ.get("SPARK_MASTER") or "local[2]"


def start() -> SparkSession:
    """Return the session of this process, made with Tenure's settings.

    It must be there before dbt is: dbt-spark takes the session that it finds. What spark-defaults
    or $SPARK_CONF_DIR say of other settings holds. Raises ValueError if the environment names
    another Spark.
    """
    from pyspark.sql import SparkSession

    refuse_other_spark()
    # The workers would be run by another Python, without the packages of this one.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_DIRS", str(paths.scratch()))
    if master().startswith("local"):
        # Nobody else is to reach this process.
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.appName("tenure")
    for name, value in settings().items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def settings() -> dict[str, str]:
    """Return Spark's settings by name. Raises ValueError for an unknown catalog."""
    found = {
        "spark.master": master(),
        "spark.driver.memory": os.environ.get("SPARK_DRIVER_MEMORY") or "2g",
        # C1 alone: what takes time in a small shop is compiling, and C2 takes twice as long. Then
        # Java keeps room for little compiled code, and stops when it is full.
        "spark.driver.extraJavaOptions": os.environ.get("SPARK_JAVA_OPTIONS")
        or "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=512m",
        "spark.sql.shuffle.partitions": os.environ.get("SPARK_SHUFFLE_PARTITIONS") or "4",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        # An overflow or a bad cast is an error, as on DuckDB, and no silent NULL.
        "spark.sql.ansi.enabled": "true",
        # Medians and lists keep their groups in a map. At 128 groups Spark would sort all rows
        # instead, and rpt_repeat_purchase would take twice as long.
        "spark.sql.objectHashAggregate.sortBased.fallbackThreshold": "10000",
        # The default is a form that other engines call outdated.
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
    }
    if catalog() in ("in-memory", "hive"):
        found["spark.sql.catalogImplementation"] = catalog()
    if catalog() == "in-memory":
        found["spark.sql.warehouse.dir"] = str(paths.spark() / "warehouse")
    elif catalog() == "hive" and "SPARK_CONF_DIR" not in os.environ:
        # Nobody has named a metastore, so there is one of this folder, which no build clears.
        kept = paths.home() / "spark"
        found["spark.sql.warehouse.dir"] = str(kept / "warehouse")
        # Spark's launcher takes the options apart as a shell does.
        place = shlex.quote(f"-Dderby.system.home={kept}")
        found["spark.driver.extraJavaOptions"] += f" {place}"
    return found
