#!/usr/bin/env bash
# One would guess: a table of dbt-charts prints a text column (VARCHAR) letter by letter.
#
# What happens: in 0.10.0 each cell that looks like a number is printed as one. The id '0001234' becomes 1.23K, the
# commit '9485835' becomes 9.49M, while the commit 'aa7dbf1' one row below stays as it is. The release '34.02' becomes 34.
# No warning says so. With the format `id` the commits stay, but the id '0001234' loses its zeros.
#
# Why it matters here: boards show ids, commits and values of segments. Of the short names of commits (7 characters), one in
# 27 has digits only. The board of data quality prints a commit with a word beside it.
#
# Version: dbt-charts 0.10.0, dbt-core 1.11.16, duckdb 1.5.5. Source: docs.dbtcharts.com, "Charts", formats of tables (`dct docs charts`).
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dbt-charts==0.10.0 dbt-core==1.11.16 duckdb==1.5.5
mkdir -p "$folder/project/charts"
cd "$folder/project"
export DO_NOT_TRACK=1
echo "sources: {shop: {type: duckdb, path: shop.duckdb}}" > dbt_charts.yml
"$folder/venv/bin/python" -c "import duckdb; duckdb.connect('shop.duckdb').execute(
'''create table builds as from (values ('0001234', '9485835', '34.02'), ('0001235', 'aa7dbf1', '34.10')) t (id, code, release)''')"
cat > charts/builds.yml <<'YAML'
title: Builds
source: shop
queries: {builds: 'select id, code, release from builds order by id'}
charts:
  builds: {type: table, query: builds}
  builds_as_id: {type: table, query: builds, style: {columns: {id: {format: id}, code: {format: id}}}}
rows: [builds, builds_as_id]
YAML
"$folder/venv/bin/python" -c "import duckdb; print(duckdb.connect('shop.duckdb').sql('describe builds'))"
"$folder/venv/bin/dct" render charts/builds.yml --format text --no-cache > builds.txt 2> messages.txt
cat builds.txt messages.txt
grep -qF "| 1.23K | 9.49M | 34 |" builds.txt
grep -qF "| 1.24K | aa7dbf1 | 34.1 |" builds.txt
grep -qF "| 1234 | 9485835 | 34 |" builds.txt
if grep -qi "warn" builds.txt messages.txt; then echo "There is a warning now."; exit 1; fi
