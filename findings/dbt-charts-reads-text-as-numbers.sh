#!/usr/bin/env bash
# One would guess: a table of dbt-charts prints a text column (VARCHAR) letter by letter.
#
# What happens: in 0.10.0 each cell that looks like a number is printed as one. The id '0001234' becomes 1.23 K, the
# commit '9485835' becomes 9.49 M, while the commit 'aa7dbf1' one row below stays as it is. The text '34.02' becomes 34.
# No warning says so. The format `id` keeps letters, and takes leading zeros away.
#
# Why it matters here: boards show ids, commits and values of segments. On the board of data quality one build in about 30
# had a commit of digits only. Our boards print such texts with a word beside them, or as `id`.
#
# Version: dbt-charts 0.10.0, duckdb 1.5.5. Source: docs.dbtcharts.com, "Charts", formats of tables (`dct docs charts`).
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dbt-charts==0.10.0 "dbt-core<1.12" duckdb==1.5.5
mkdir -p "$folder/project/charts"
cd "$folder/project"
export DO_NOT_TRACK=1
echo "sources: {shop: {type: duckdb, path: shop.duckdb}}" > dbt_charts.yml
"$folder/venv/bin/python" -c "import duckdb; duckdb.connect('shop.duckdb').execute(
'''create table builds as from (values ('0001234', '9485835', '34.02'), ('0001235', 'aa7dbf1', '34.10')) t (id, code, price)''')"
cat > charts/builds.yml <<'YAML'
title: Builds
source: shop
queries: {builds: 'select id, code, price from builds order by id'}
charts: {builds: {type: table, query: builds}}
rows: [builds]
YAML
"$folder/venv/bin/python" -c "import duckdb; print(duckdb.connect('shop.duckdb').sql('describe builds'))"
"$folder/venv/bin/dct" render charts/builds.yml --format svg --no-cache --no-warnings --output builds.svg
cells=$(grep -o '>[^<>]*</t[a-z]*>' builds.svg | sed 's/^>//; s/<.*//' | LC_ALL=C tr -cd '[:print:]\n' | paste -sd ' ' | tr -s ' ')
echo "printed: $cells"
grep -q "1.23 K" <<< "$cells" && grep -q "9.49 M" <<< "$cells" && grep -q "aa7dbf1" <<< "$cells" && grep -q " 34 " <<< "$cells"
