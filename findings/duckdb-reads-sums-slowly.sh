#!/usr/bin/env bash
# One would guess: a column of small counts is read about as fast whether its type is HUGEINT or BIGINT, since both are packed
# into a few bits on disk.
#
# What happens: sum() of whole numbers is a HUGEINT. In a file of DuckDB, a packed HUGEINT takes about a microsecond for each
# value that is read, and a packed BIGINT with the same values some nanoseconds: here the HUGEINT takes more than 20 times as
# long. So does a DECIMAL of more than 18 digits, such as the sum of an amount. Without compression a HUGEINT takes less than
# 10 times as long as a BIGINT.
#
# Why it matters here: counts and running numbers of the models between staging and marts are sums. At a million orders one
# read of such a column took half a second, and several models read it. So models cast a sum to the type that it needs.
#
# Version: duckdb 1.5.5. Source: the CPU seconds of four queries, and pragma_storage_info.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet duckdb==1.5.5
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys
import time

import duckdb

COUNT = "select sum(i % 100 - 30) as {0} from range(2000000) as rows (i) group by i"
seen = {}
for compression in ("auto", "uncompressed"):
    file = f"{sys.argv[1]}/{compression}.duckdb"
    with duckdb.connect(file) as connection:
        connection.execute(f"set force_compression = '{compression}'")
        connection.execute(
            "create table counts as select count as as_summed, count::bigint as as_bigint,"
            f" count::decimal(38, 2) as as_sum_of_money from ({COUNT.format('count')})"
        )
    with duckdb.connect(file, read_only=True) as connection:
        for column in ("as_summed", "as_bigint", "as_sum_of_money"):
            kind, packed = connection.execute(
                "select column_type, (select any_value(compression) from pragma_storage_info('counts')"
                f" where column_name = '{column}' and segment_type <> 'VALIDITY')"
                f" from (describe counts) where column_name = '{column}'"
            ).fetchone()
            query = f"select count(*) from counts where {column} = 17"
            connection.execute(query).fetchall()
            start = time.process_time()
            connection.execute(query).fetchall()
            seen[compression, column] = time.process_time() - start
            print(f"{column:16} {kind:14} {packed:13} {seen[compression, column]:8.3f} CPU s")
ratio = seen["auto", "as_summed"] / seen["auto", "as_bigint"]
money = seen["auto", "as_sum_of_money"] / seen["auto", "as_bigint"]
plain = seen["uncompressed", "as_summed"] / seen["uncompressed", "as_bigint"]
print(f"packed: {ratio:.0f} and {money:.0f} times as long as BIGINT; not packed: {plain:.1f} times")
sys.exit(not (ratio > 20 and money > 20 and plain < 10))
PYTHON
