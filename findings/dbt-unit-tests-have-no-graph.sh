#!/usr/bin/env bash
# One would guess: a macro that reads `graph` finds the same sources in a unit test as in the model that is tested.
#
# What happens: in a unit test, `graph` is an empty dict. `graph.sources` raises "'dict object' has no attribute 'sources'",
# so every unit test of such a model fails, while the model builds.
#
# Why it matters here: the columns that pass through to the marts are read from the sources. The macro asks with
# graph.get('sources', {}), so a unit test sees a model without columns passed through (macros/engine/read_texts.sql).
#
# Version: dbt-core 1.11.16, dbt-duckdb 1.11.1. Source: a project of one model, with and without a unit test.
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
YAML
cat > profiles.yml <<'YAML'
shop:
  target: dev
  outputs: {dev: {type: duckdb, path: shop.duckdb}}
YAML
cat > models/models.yml <<'YAML'
sources:
  - name: raw
    tables: [{name: orders}]
models:
  - name: numbers
  - name: counted
unit_tests:
  - name: one_number
    model: counted
    given:
      - {input: ref('numbers'), rows: [{number: 1}]}
    expect:
      rows: [{number: 1}]
YAML
echo "select 1 as number" > models/numbers.sql
cat > models/counted.sql <<'SQL'
{%- if execute %}
-- sources: {{ graph.sources.values() | list | length }}
{%- endif %}
select number from {{ ref('numbers') }}
SQL
built=$("$folder/venv/bin/dbt" run 2>&1) && echo "dbt run: passed"
tested=$("$folder/venv/bin/dbt" test --select test_type:unit 2>&1) && echo "dbt test: passed" || echo "dbt test: failed"
echo "$tested" | grep -o "'dict object' has no attribute 'sources'" | head -1
grep -q "PASS=2" <<< "$built" && grep -q "'dict object' has no attribute 'sources'" <<< "$tested"
