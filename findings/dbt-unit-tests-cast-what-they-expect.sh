#!/usr/bin/env bash
# One would guess: a unit test that expects 1.104 fails where the model gives 1.10.
#
# What happens: dbt casts the expected values to the types of the model's columns before it compares. The column is a
# decimal(18, 2), so 1.104 becomes 1.10 and the test passes. 1.106 becomes 1.11 and fails.
#
# Why it matters here: a worked example with more digits than the column looks like a proof of how a number is rounded, and
# proves nothing. tests/python/house/test_fixtures.py refuses such examples.
#
# Version: dbt-core 1.11.16, dbt-duckdb 1.11.1. Source: two unit tests of a model of one row.
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
echo "select 1 as number" > models/numbers.sql
echo "select cast(1.10 as decimal(18, 2)) as amount from {{ ref('numbers') }}" > models/amounts.sql
cat > models/models.yml <<'YAML'
unit_tests:
  - name: expects_1_104
    model: amounts
    given: [{input: ref('numbers'), rows: [{number: 1}]}]
    expect: {rows: [{amount: 1.104}]}
  - name: expects_1_106
    model: amounts
    given: [{input: ref('numbers'), rows: [{number: 1}]}]
    expect: {rows: [{amount: 1.106}]}
YAML
"$folder/venv/bin/dbt" --quiet run
tested=$("$folder/venv/bin/dbt" --no-use-colors test --select test_type:unit 2>&1) || true
grep -oE "(PASS|FAIL 1) amounts::expects_1_10[46]" <<< "$tested" | sort
grep -q "PASS amounts::expects_1_104" <<< "$tested" && grep -q "FAIL 1 amounts::expects_1_106" <<< "$tested"
