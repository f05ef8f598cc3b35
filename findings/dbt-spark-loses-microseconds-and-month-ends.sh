#!/usr/bin/env bash
# One would guess: dbt.dateadd and dbt.datediff mean the same on every adapter.
#
# What happens on dbt-spark: dateadd drops what is below a second (12:00:00.5 and a second are 12:00:01). datediff counts two
# months from 31 January to 28 February, where every other adapter counts the boundary of one. Neither fails, nor warns.
#
# Why it matters here: an order of half past a second would move, and a month of survival would be counted that was not
# lived. macros/engine/dbt_dates.sql overrides both.
#
# Version: dbt-spark 1.11.0, pyspark 4.3.0, Java 17. Source: both macros as dbt renders them, run by Spark.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dbt-core==1.11.16 "dbt-spark[session]==1.11.0" pyspark==4.3.0
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
  target: dev
  outputs: {dev: {type: spark, method: session, schema: main, host: none}}
YAML
cat > models/dates.sql <<'SQL'
select
    cast({{ dbt.dateadd('second', 1, "timestamp '2025-01-01 12:00:00.5'") }} as string) as second_later,
    {{ dbt.datediff("date '2025-01-31'", "date '2025-02-28'", 'month') }} as months
SQL
"$folder/venv/bin/python" - <<'PY'
import sys

from dbt.cli.main import dbtRunner
from pyspark.sql import SparkSession

# A session that is there before dbt needs no Hive.
spark = SparkSession.builder.config("spark.sql.catalogImplementation", "in-memory").getOrCreate()
done = dbtRunner().invoke(["--log-level", "none", "compile", "--select", "dates"])
row = spark.sql(done.result.results[0].node.compiled_code).first()
print(row)
spark.stop()
seen = (row.second_later, row.months)
print("as described" if seen == ("2025-01-01 12:00:01", 2) else "not as described any more")
sys.exit(seen != ("2025-01-01 12:00:01", 2))
PY
