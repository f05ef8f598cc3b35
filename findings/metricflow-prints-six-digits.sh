#!/usr/bin/env bash
# One would guess: `mf query` prints the number that the database gave, as `dbt show` does.
#
# What happens: the table on the screen has six digits of a number that is no integer. 1234567.89 is printed as
# 1.23457e+06, and 10663.45 as 10663.5: money that looks exact, and is not. With --csv, or with --decimals 2, the same
# query gives every digit.
#
# Why it matters here: a reader compares MRR on the screen with rpt_mrr and finds another number. All examples in
# docs/semantic-layer.md and of `make metrics` have --decimals.
#
# Version: dbt-metricflow 0.15.0, metricflow 0.213.0. Source: metricflow/data_table/mf_table.py; a project of one metric.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dbt-metricflow==0.15.0 dbt-core==1.11.16 dbt-duckdb==1.11.1 duckdb==1.5.5
mkdir -p "$folder/project/models"
cd "$folder/project"
# MetricFlow looks into the folder for temporary files.
export TMPDIR="$folder" DBT_SEND_ANONYMOUS_USAGE_STATS=false DO_NOT_TRACK=1
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
cat > models/orders.sql <<'SQL'
select date '2025-01-31' as day, cast(10663.45 as decimal(18, 2)) as amount
union all
select date '2025-02-28', 1234567.89
SQL
cat > models/orders.yml <<'YAML'
models:
  - name: orders
    time_spine: {standard_granularity_column: day}
    columns: [{name: day, granularity: day}]
semantic_models:
  - name: orders
    model: ref('orders')
    defaults: {agg_time_dimension: day_of_order}
    primary_entity: order_line
    dimensions: [{name: day_of_order, type: time, expr: day, type_params: {time_granularity: day}}]
    measures: [{name: amounts, agg: sum, expr: amount}]
metrics:
  - {name: revenue, label: Revenue, type: simple, type_params: {measure: amounts}}
YAML
"$folder/venv/bin/dbt" --quiet build
ask() { "$folder/venv/bin/mf" query --metrics revenue --group-by metric_time__month --order metric_time__month --quiet "$@"; }
echo "on the screen:" && ask | tee screen.txt
echo "with --decimals 2:" && ask --decimals 2 | tee decimals.txt
ask --csv amounts.csv && echo "with --csv:" && cat amounts.csv
grep -qF "1.23457e+06" screen.txt
grep -qw "10663\.5" screen.txt
grep -qF "10663.45" decimals.txt
grep -qF "1234567.89" decimals.txt
grep -qF "10663.45" amounts.csv
grep -qF "1234567.89" amounts.csv
