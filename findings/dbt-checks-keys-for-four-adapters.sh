#!/usr/bin/env bash
# One would guess: with deprecations as errors, dbt refuses a key that it does not know, such as `materialised`.
#
# What happens: dbt 1.11 checks the keys of YAML files for four adapters only (BigQuery, Databricks, Redshift, Snowflake).
# On DuckDB the misspelt key passes without a word, and the model becomes a view instead of a table. Once DuckDB is added
# to the set of these adapters, the same project fails with CustomKeyInConfigDeprecation.
#
# Why it matters here: `error: [Deprecations]` in dbt_project.yml looks like a guard, and guards no key. With one letter
# wrong a mart would be a view. tests/python/house/test_yaml_keys.py adds DuckDB to the set and parses the project.
#
# Version: dbt-core 1.11.16, dbt-duckdb 1.11.1, duckdb 1.5.5. Source: dbt/jsonschemas/jsonschemas.py of dbt-core; a project of one model.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dbt-core==1.11.16 dbt-duckdb==1.11.1 duckdb==1.5.5
mkdir -p "$folder/project/models"
cd "$folder/project"
export DBT_SEND_ANONYMOUS_USAGE_STATS=false DO_NOT_TRACK=1
cat > dbt_project.yml <<'YAML'
name: shop
version: "1.0.0"
profile: shop
flags: {warn_error_options: {error: [Deprecations]}}
YAML
cat > profiles.yml <<'YAML'
shop:
  target: dev
  outputs: {dev: {type: duckdb, path: shop.duckdb}}
YAML
cat > models/orders.yml <<'YAML'
models:
  - name: orders
    config: {materialised: table}
YAML
echo "select 1 as order_id" > models/orders.sql
built=$("$folder/venv/bin/dbt" build --no-partial-parse 2>&1)
echo "$built" | grep -o "created sql [a-z]* model main.orders"
checked=$("$folder/venv/bin/python" - 2>&1 <<'PYTHON'
from dbt.cli.main import dbtRunner
from dbt.jsonschemas import jsonschemas

print("adapters:", *sorted(jsonschemas._JSONSCHEMA_SUPPORTED_ADAPTERS))
jsonschemas._JSONSCHEMA_SUPPORTED_ADAPTERS.add("duckdb")
print("with the check on:", "passed" if dbtRunner().invoke(["parse", "--no-partial-parse"]).success else "failed")
PYTHON
)
grep "adapters:" <<< "$checked"
grep "with the check on:" <<< "$checked"
grep -q "created sql view model main.orders" <<< "$built"
grep -qx "adapters: bigquery databricks redshift snowflake" <<< "$checked"
grep -qx "with the check on: failed" <<< "$checked"
grep -q "CustomKeyInConfigDeprecation" <<< "$checked"
