#!/usr/bin/env bash
# One would guess: a run of Dagster opens its SQLite event log once, or a few times, and writes its events into it.
#
# What happens: with the default storage each event opens the database of the run, and closes it again. An event of an asset
# or of a check opens the database of all runs too, once or more. Each close is the close of the last connection, so SQLite
# copies its write-ahead log into the database every time. A run of 100 assets with a check each opens the two files over 2,000
# times. The same run with connections that stay open takes less than three quarters of the CPU time.
#
# Why it matters here: a night has 600 assets and checks. With the sample shop this took 14 of 57 CPU seconds and half of the
# wall time. orchestration/runs/event_log.py keeps the connections open.
#
# Version: dagster 1.13.27, sqlalchemy 2.1.9. Source: docs.dagster.io, "Dagster instance", storage; _connect of SqliteEventLogStorage.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dagster==1.13.27 sqlalchemy==2.1.9
cd "$folder"
cat > run.py <<'PY'
import os
import sys
import time
from contextlib import contextmanager

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.event_log import SqliteEventLogStorage

ASSETS = 100
opened = []
sa.event.listen(
    sa.Pool,
    "connect",
    lambda connection, _: opened.append(connection.execute("pragma database_list").fetchone()[2]),
)
engines = {}


@contextmanager
def connect(storage, shard):
    with storage._db_lock:
        if shard not in engines:
            engines[shard] = sa.create_engine(
                storage.conn_string_for_shard(shard), connect_args={"check_same_thread": False}
            )
            storage._initdb(engines[shard])
        with engines[shard].begin() as connection:
            yield connection


@dg.multi_asset(
    specs=[dg.AssetSpec(f"asset_{number}") for number in range(ASSETS)],
    check_specs=[dg.AssetCheckSpec("filled", asset=f"asset_{number}") for number in range(ASSETS)],
)
def tables():
    for number in range(ASSETS):
        yield dg.MaterializeResult(f"asset_{number}")
        yield dg.AssetCheckResult(asset_key=f"asset_{number}", check_name="filled", passed=True)


if sys.argv[1] == "open":
    SqliteEventLogStorage._connect = connect
with dg.DagsterInstance.local_temp(os.path.abspath(sys.argv[1])) as instance:
    started = time.process_time()
    result = dg.materialize([tables], instance=instance)
    seconds = time.process_time() - started
    events = len(instance.all_logs(result.run_id))
logs = [file for file in opened if "/history/runs/" in file]
print(f"{sys.argv[1]}: {events} events, the event log was opened {len(logs)} times")
print(f"{seconds:.2f} {len(logs)} {events}", file=open(f"{sys.argv[1]}.txt", "w"))
PY
mkdir default open
for way in default open; do "$folder/venv/bin/python" run.py "$way" 2> /dev/null; done
read -r seconds opened events < default.txt
read -r fewer_seconds fewer_opened _ < open.txt
echo "CPU seconds of the run: $seconds, with connections that stay open: $fewer_seconds"
test "$opened" -gt 2000
test "$opened" -gt "$events"
test "$fewer_opened" -lt 400
awk "BEGIN { exit !($fewer_seconds < $seconds * 0.75) }"
