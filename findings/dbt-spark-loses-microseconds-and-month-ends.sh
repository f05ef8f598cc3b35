#!/usr/bin/env bash
# One would guess: dbt.dateadd and dbt.datediff mean the same on every adapter.
#
# What happens on dbt-spark: dateadd drops what is below a second (12:00:00.5 and a second are 12:00:01). datediff counts two
# months from 31 January to 28 February, where dbt-duckdb counts one. Neither fails, nor warns.
#
# Why it matters here: an order of half past a second would move, and a month of survival would be counted that was not
# lived. macros/engine/dbt_dates.sql overrides both.
#
# Version: dbt-spark 1.11.0, pyspark 4.3.0, Java 17, dbt-duckdb 1.11.1, duckdb 1.5.5. Source: both macros as dbt renders them
# for each engine, run by the engine.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dbt-core==1.11.16 "dbt-spark[session]==1.11.0" pyspark==4.3.0 dbt-duckdb==1.11.1 duckdb==1.5.5
mkdir -p "$folder/project/models"
cd "$folder/project"
export DBT_SEND_ANONYMOUS_USAGE_STATS=false DO_NOT_TRACK=1 SPARK_LOCAL_IP=127.0.0.1
cat > dbt_project.yml <<'YAML'
name: shop
version: "1.0.0"
profile: shop
YAML
cat > profiles.yml <<'YAML'
shop:
  target: spark
  outputs:
    spark: {type: spark, method: session, schema: main, host: none}
    duckdb: {type: duckdb, path: shop.duckdb}
YAML
cat > models/dates.sql <<'SQL'
select
    cast({{ dbt.dateadd('second', 1, "timestamp '2025-01-01 12:00:00.5'") }} as {{ dbt.type_string() }}) as second_later,
    {{ dbt.datediff("date '2025-01-31'", "date '2025-02-28'", 'month') }} as months
SQL
"$folder/venv/bin/python" - <<'PY'
import sys

import duckdb
from dbt.cli.main import dbtRunner
from pyspark.sql import SparkSession


def compiled(target):
    command = ["--log-level", "none", "compile", "--select", "dates", "--target", target]
    return dbtRunner().invoke(command).result.results[0].node.compiled_code


# A session that is there before dbt needs no Hive.
spark = SparkSession.builder.config("spark.sql.catalogImplementation", "in-memory").getOrCreate()
of_spark = tuple(spark.sql(compiled("spark")).first())
of_duckdb = duckdb.sql(compiled("duckdb")).fetchone()
print("Spark", of_spark, "DuckDB", of_duckdb)
spark.stop()
described = of_spark == ("2025-01-01 12:00:01", 2) and of_duckdb == ("2025-01-01 12:00:01.5", 1)
print("as described" if described else "not as described any more")
sys.exit(not described)
PY
