#!/usr/bin/env bash
# One would guess: a double that is cast to a decimal is rounded from the number that it is. The double next to 1.005 is
# 1.00499999999999989..., so it is 1.00.
#
# What happens: Spark rounds the shortest text of the double, which is 1.005, and has 1.01. DuckDB rounds the number, and has
# 1.00. A cast by way of eight decimals gives 1.01 on both, as long as the number is below some 60 million. Above, doubles
# are farther apart than eight decimals, and 662736965.675 becomes 662736965.68 on Spark and 662736965.67 on DuckDB.
#
# Why it matters here: recurring revenue and forecasts are doubles that become money. macros/engine/decimals.sql reads the
# bits of a double on both engines.
#
# Version: pyspark 4.3.0, Java 17, duckdb 1.5.5. Source: the same query on both.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyspark==4.3.0 duckdb==1.5.5
export SPARK_LOCAL_IP=127.0.0.1
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import duckdb
from pyspark.sql import SparkSession

QUERY = """
    select
        cast(cast(1.005e0 as decimal(18, 2)) as varchar(30)),
        cast(cast(cast(1.005e0 as decimal(28, 8)) as decimal(18, 2)) as varchar(30)),
        cast(cast(cast(662736965.675e0 as decimal(28, 8)) as decimal(18, 2)) as varchar(30))
"""
spark = SparkSession.builder.config("spark.ui.enabled", "false").getOrCreate()
of_spark = tuple(spark.sql(QUERY).first())
of_duckdb = duckdb.sql(QUERY).fetchone()
print("Spark", of_spark, "DuckDB", of_duckdb)
spark.stop()
described = (
    of_spark == ("1.01", "1.01", "662736965.68") and of_duckdb == ("1.00", "1.01", "662736965.67")
)
print("as described" if described else "not as described any more")
sys.exit(not described)
PY
