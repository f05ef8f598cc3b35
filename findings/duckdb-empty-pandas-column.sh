#!/usr/bin/env bash
# One would guess: a text column of a pandas frame stays a text column in DuckDB, also in a frame without rows.
#
# What happens: DuckDB takes an object column without rows for INTEGER. The same column with one text is VARCHAR. With
# the dtype "str" it is VARCHAR in both cases. A frame that DuckDB itself returned has object columns.
#
# Why it matters here: a dbt Python model on a shop without subscriptions made a table with an INTEGER column
# billing_interval. The models below failed on any text, and their unit tests with them. int_renewals_scored casts now.
#
# Version: duckdb 1.5.5, pandas 3.1.1. Source: the types of the created tables.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet duckdb==1.5.5 pandas==3.1.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import duckdb

connection = duckdb.connect()
texts = connection.sql("select 'month' as billing_interval")
seen = {}
for name, frame in {
    "one row": texts.df(),
    "no row": texts.filter("false").df(),
    "no row, as str": texts.filter("false").df().astype("str"),
}.items():
    connection.execute("create or replace table made as from frame")
    [(_, kind, *_)] = connection.execute("describe made").fetchall()
    print(f"{name:15} dtype {frame['billing_interval'].dtype!s:7} becomes {kind}")
    seen[name] = kind
sys.exit(seen != {"one row": "VARCHAR", "no row": "INTEGER", "no row, as str": "VARCHAR"})
PYTHON
