#!/usr/bin/env bash
# One would guess: a left join on an equality and a range stays a hash join when the range may be open, written as
# `a.day < b.valid_to or b.valid_to is null`. The equality alone is enough for a hash join.
#
# What happens: DuckDB plans the join as a blockwise nested loop, which compares every row with every row. Written as
# `a.day < coalesce(b.valid_to, date '9999-12-31')` the same join is a hash join. The same happens with every part of the
# condition that is no comparison of one side with the other, such as `coalesce(a.day < b.valid_to, true)` or
# `a.kind = 'sale'`. An inner join stays a hash join in all these forms.
#
# Why it matters here: each raw record is joined with the exchange rate of its day. A hash join compares a record with the
# rates of its own currency; the nested loop compares it with all rates. So the pricing join in macros/engine/records.sql
# uses coalesce. A join of ends of subscriptions with pauses, 340,000 with 120,000 rows, took 63 seconds in place of 2. So
# tests/python/house/test_joins.py reads the plans of all models and tests.
#
# Version: duckdb 1.5.5. Source: EXPLAIN, and times on 200,000 records with 40 rates of each of 50 currencies.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet duckdb==1.5.5
"$folder/venv/bin/python" - <<'PYTHON'
import re
import sys
import time

import duckdb

connection = duckdb.connect(config={"threads": 1})
connection.execute(
    "create table records as select 'C' || i % 50 as currency, if(i % 7 = 0, 'gift', 'sale') as kind,"
    " date '2020-01-01' + (i % 40)::integer as day from range(200000) as numbers (i)"
)
connection.execute(
    "create table rates as select 'C' || c as currency, date '2020-01-01' + i::integer as valid_from,"
    " case when i < 39 then date '2020-01-02' + i::integer end as valid_to"
    " from range(40) as numbers (i) cross join range(50) as currencies (c)"
)
ends = {
    "or": "(records.day < rates.valid_to or rates.valid_to is null)",
    "coalesce": "records.day < coalesce(rates.valid_to, date '9999-12-31')",
    "outside": "coalesce(records.day < rates.valid_to, true)",
    "one side": "records.day < coalesce(rates.valid_to, date '9999-12-31') and records.kind = 'sale'",
}
seen = {}
for kind in ("left", "inner"):
    for form, end in ends.items():
        query = (
            f"select count(rates.valid_from) from records {kind} join rates"
            f" on records.currency = rates.currency and records.day >= rates.valid_from and {end}"
        )
        [(_, plan)] = connection.execute("explain " + query).fetchall()
        [join] = re.findall(r"[A-Z_]*JOIN", plan)
        started = time.perf_counter()
        [(matched,)] = connection.execute(query).fetchall()
        print(f"{kind:5} {form:8} {join:20} {matched} matched, {time.perf_counter() - started:.2f} s")
        seen[kind, form] = join
expected = {
    ("left", "or"): "BLOCKWISE_NL_JOIN",
    ("left", "coalesce"): "HASH_JOIN",
    ("left", "outside"): "BLOCKWISE_NL_JOIN",
    ("left", "one side"): "BLOCKWISE_NL_JOIN",
    **{("inner", form): "HASH_JOIN" for form in ends},
}
sys.exit(seen != expected)
PYTHON
