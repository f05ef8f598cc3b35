#!/usr/bin/env bash
# One would guess: where decimals of different scales meet in one column, the result has the larger scale, so that no digit
# is lost.
#
# What happens: DuckDB keeps the digits before the point. sum(decimal(18, 2)) is a decimal(38, 2). Beside a decimal(38, 9)
# in a union, a coalesce or a case the common type is decimal(38, 2): 0.083750000 becomes 0.08 without a message. A plain
# decimal(18, 2) keeps the digits: beside the decimal(38, 9) that is the common type, beside a decimal(18, 9) it is a
# decimal(25, 9).
#
# Why it matters here: a rate of exchange or a share beside a sum of money in one column would be cut to cents. So models
# cast each side to the type that the column shall have.
#
# Version: duckdb 1.5.5. Source: types and values of four queries.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet duckdb==1.5.5
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import duckdb

connection = duckdb.connect()
connection.execute(
    "create table money as select 12.50::decimal(18, 2) as amount, 0.08375::decimal(38, 9) as share"
)
seen = {}
for name, query in {
    "sum, union": "select sum(amount) as value from money union all select share from money",
    "sum, coalesce": "select coalesce(case when false then sum(amount) end, max(share)) as value from money",
    "plain, coalesce": "select coalesce(case when false then amount end, share) as value from money",
    "narrow, coalesce": "select coalesce(case when false then amount end, share::decimal(18, 9)) as value from money",
}.items():
    relation = connection.sql(f"select min(value) as value from ({query})")
    seen[name] = (str(relation.types[0]), str(relation.fetchall()[0][0]))
    print(f"{name:16} {seen[name][0]:15} {seen[name][1]}")
sys.exit(
    seen
    != {
        "sum, union": ("DECIMAL(38,2)", "0.08"),
        "sum, coalesce": ("DECIMAL(38,2)", "0.08"),
        "plain, coalesce": ("DECIMAL(38,9)", "0.083750000"),
        "narrow, coalesce": ("DECIMAL(25,9)", "0.083750000"),
    }
)
PYTHON
