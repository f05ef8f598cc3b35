#!/usr/bin/env bash
# One would guess: when a macro is edited, dbt parses again what uses the macro, and finds the same project as a parse of all
# files does.
#
# What happens: a singular data test that uses the macro is parsed again, and what a YAML file says of this test is lost:
# severity, description, meta. A test that should warn is an error then, and dbt skips all models below. No message tells
# it. It lasts until the YAML file itself changes, or until a parse with --no-partial-parse. A severity in the test's own
# SQL stays.
#
# Why it matters here: after an edit of a macro, `dbt build` on the sample ended at a law that only warns. So the severity of
# each law stands in its SQL. The nightly build parses all files after any change of them.
#
# Version: dbt-core 1.11.16, dbt-duckdb 1.11.1, duckdb 1.5.5. Source: the manifests of three parses.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dbt-core==1.11.16 dbt-duckdb==1.11.1 duckdb==1.5.5
mkdir -p "$folder/project"/{models,macros,tests} && cd "$folder/project"
cat > dbt_project.yml <<'YAML'
name: shop
profile: shop
flags: {send_anonymous_usage_stats: false}
YAML
cat > profiles.yml <<'YAML'
shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb}}}
YAML
echo "select 1 as id" > models/orders.sql
echo "{% macro is_odd(column) %}{{ column }} % 2 = 1{% endmacro %}" > macros/is_odd.sql
echo "select id from {{ ref('orders') }} where {{ is_odd('id') }}" > tests/by_yaml.sql
{ echo "{{ config(severity='warn') }}"; cat tests/by_yaml.sql; } > tests/by_sql.sql
cat > tests/tests.yml <<'YAML'
data_tests:
  - {name: by_yaml, description: told, config: {severity: warn}}
  - {name: by_sql, description: told}
YAML
seen() {
    "$folder/venv/bin/dbt" --quiet parse "$@"
    "$folder/venv/bin/python" - <<'PYTHON'
import json

nodes = json.load(open("target/manifest.json"))["nodes"].values()
tests = sorted((node["name"], node) for node in nodes if node["resource_type"] == "test")
print("; ".join(f"{name} {node['config']['severity'].lower()} {node['description'] or '-'}" for name, node in tests))
PYTHON
}
first=$(seen)
sed -i 's/% 2 = 1/% 2 <> 0/' macros/is_odd.sql
edited=$(seen)
whole=$(seen --no-partial-parse)
printf 'first:  %s\nedited: %s\nwhole:  %s\n' "$first" "$edited" "$whole"
test "$first" = "by_sql warn told; by_yaml warn told"
test "$edited" = "by_sql warn -; by_yaml error -"
test "$whole" = "$first"
