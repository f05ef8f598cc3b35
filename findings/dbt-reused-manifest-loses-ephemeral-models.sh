#!/usr/bin/env bash
# One would guess: dbtRunner(manifest=...) with the manifest of an earlier command gives what a new process would give. That
# is what the argument is for: it saves the parsing.
#
# What happens: the first command notes in the manifest that a model has got the SQL of its ephemeral models. The second
# command puts none into it. If the model now reads another ephemeral model (here by a var; it may be by a query), the SQL
# names a relation that does not exist: "Table with name __dbt__cte__b does not exist". A new process succeeds.
#
# Why it matters here: which mappings a staging model reads depends on the files of the landing zone. Tests and `make diff`
# build several landing zones in one process, so they clear these notes (comparison/build.py).
#
# Version: dbt-core 1.11.16, dbt-duckdb 1.11.1. Source: a project of three models, run twice.
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
vars: {with_b: false}
YAML
cat > profiles.yml <<'YAML'
shop:
  target: dev
  outputs: {dev: {type: duckdb, path: shop.duckdb}}
YAML
echo "{{ config(materialized='ephemeral') }} select 1 as one" > models/a.sql
echo "{{ config(materialized='ephemeral') }} select 2 as one" > models/b.sql
cat > models/counted.sql <<'SQL'
-- depends_on: {{ ref('a') }} {{ ref('b') }}
{% if execute and var('with_b') %} select * from {{ ref('b') }} {% else %} select * from {{ ref('a') }} {% endif %}
SQL
cat > twice.py <<'PY'
import sys
from dbt.cli.main import dbtRunner

quiet = ["--quiet", "--log-level", "none", "--log-level-file", "none"]
manifest = dbtRunner().invoke(["parse", *quiet]).result


def run(value, manifest=None):
    done = dbtRunner(manifest=manifest).invoke(["run", *quiet, "--vars", "{with_b: %s}" % value])
    return [result.message for result in done.result]


print("manifest of before, without b:", *run("false", manifest))
[reused] = run("true", manifest)
print("manifest of before, with b:   ", reused.replace("\n", " ")[:160])
[parsed] = run("true")
print("parsed again, with b:         ", parsed)
sys.exit("__dbt__cte__b does not exist" not in reused or parsed != "OK")
PY
"$folder/venv/bin/python" twice.py && echo "As described above." || { echo "This has changed."; exit 1; }
