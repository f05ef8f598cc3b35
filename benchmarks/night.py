"""The night as a user runs it, and the time of each model and test."""

import bisect
import json
import re
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from benchmarks.measure import Measured, measure, size_of
from orchestration.warehouse.manifest import tested_node

COMMAND = [sys.executable, "-m", "orchestration.nightly"]


@dataclass
class Node:
    """A seed, a model or a test of dbt: its seconds, and the rows that it made or read.

    `cpu` is known only with one dbt thread. With more threads, nodes run at the same time.
    """

    kind: str
    name: str
    seconds: float
    rows: int | None
    cpu: float | None = None


@dataclass
class Night:
    """One night: the whole run, the stages that the job reports, the nodes, and bytes on disk."""

    measured: Measured
    stages: dict[str, float]
    nodes: list[Node]
    warehouse: int
    published: int


def night(raw: Path, home: Path, dbt_threads: int | None = None) -> Night:
    """Run one night on the files in `raw`; with one dbt thread, nodes also have CPU seconds."""
    environment = {"TENURE_RAW_DIR": str(raw), "TENURE_HOME": str(home)}
    if dbt_threads:
        environment["TENURE_DBT_THREADS"] = str(dbt_threads)
    measured = measure(COMMAND, home / "build" / "tmp", environment)
    [line] = [line for line in measured.output.splitlines() if line.startswith("Seconds: ")]
    stages = {stage: float(time) for stage, time in re.findall(r"([a-z ]+) ([\d.]+)", line[9:])}
    return Night(
        measured=measured,
        stages={stage.strip(): time for stage, time in stages.items()},
        nodes=_nodes(home, measured if dbt_threads == 1 else None),
        warehouse=size_of(home / "build" / "warehouse.duckdb"),
        published=size_of((home / "serve" / "current").resolve()),
    )


def _nodes(home: Path, alone: Measured | None) -> list[Node]:
    built = home / "dbt" / "built"
    manifest = json.loads((built / "manifest.json").read_text())
    results = json.loads((built / "run_results.json").read_text())["results"]
    with duckdb.connect(str(home / "build" / "warehouse.duckdb"), read_only=True) as connection:
        rows = {
            f"{schema}.{table}": connection.execute(
                f'select count(*) from "{schema}"."{table}"'
            ).fetchall()[0][0]
            for schema, table in connection.execute(
                "select schema_name, table_name from duckdb_tables()"
            ).fetchall()
        }
    nodes = []
    for result in results:
        # An exposure has a result too, and nothing to measure.
        if result["unique_id"] not in manifest["nodes"]:
            continue
        node = manifest["nodes"][result["unique_id"]]
        relation = tested_node(manifest, node) if node["resource_type"] == "test" else node
        nodes.append(
            Node(
                kind=node["resource_type"],
                name=node["name"],
                seconds=result["execution_time"],
                rows=relation and rows.get(f"{relation['schema']}.{relation['name']}"),
                cpu=_cpu_of(result["timing"], alone) if alone else None,
            )
        )
    return nodes


def _cpu_of(timing: list[dict[str, str]], alone: Measured) -> float:
    """Return the CPU seconds of all processes from the start of a node to its end."""
    times = [
        datetime.fromisoformat(part[end].replace("Z", "+00:00")).timestamp()
        for part in timing
        for end in ("started_at", "completed_at")
    ]
    return _cpu_at(max(times), alone.cpu_until) - _cpu_at(min(times), alone.cpu_until)


def _cpu_at(time: float, cpu_until: list[tuple[float, float]]) -> float:
    """Return the CPU seconds used until this time, on a straight line between the nearest looks."""
    after = bisect.bisect(cpu_until, (time, 0.0))
    if after in (0, len(cpu_until)):
        return cpu_until[min(after, len(cpu_until) - 1)][1]
    (time_before, cpu_before), (time_after, cpu_after) = cpu_until[after - 1 : after + 1]
    share = (time - time_before) / (time_after - time_before)
    return cpu_before + share * (cpu_after - cpu_before)
