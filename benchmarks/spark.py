"""A night on Spark, stage by stage: `python -m benchmarks.spark [--size 1M] [--workers 2]`.

Runs the night on DuckDB and then on Spark, from the same raw files, and compares what they
publish. Spark writes down each task (its event log), so the report can name the stages in which
one task holds much of the rows, what the driver collects, and what more cores would change.

Without `--workers`, Spark runs in one process with two threads (local[2]). With them, a cluster of
that many workers, one core each, is started on this machine and ended afterwards. `--models` builds
the models alone, without tests, and publishes nothing: for sizes whose whole night takes too long.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.__main__ import WARM_UP, number, raw_files
from benchmarks.measure import Measured, cpu_seconds, measure
from benchmarks.night import COMMAND
from comparison.compare import MARTS, compare
from comparison.keys import published_keys
from orchestration import paths

# A stage of fewer rows is no burden for any task.
MANY_ROWS = 100_000
# One task should hold no larger part of the rows of such a stage.
LARGE_SHARE = 0.2
# Of one process without a cluster, and of the clusters to expect.
LOCAL_CORES = 2
MORE_CORES = (10, 40)
HOST = "127.0.0.1"
PUBLISHED = "serve/current/tenure.duckdb"


@dataclass
class Stage:
    """What each task of one stage read and took, and what all sent to the driver, in bytes.

    `table` is the table that the query makes, where it makes one. `times` are start and end of each
    task, in seconds of the clock.
    """

    table: str = ""
    rows: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    times: list[tuple[float, float]] = field(default_factory=list)
    spilled: int = 0
    collected: int = 0

    @property
    def largest_share(self) -> float:
        """Return the part of the rows that one task holds."""
        return max(self.rows) / max(sum(self.rows), 1)

    def least_seconds(self, cores: int) -> float:
        """Return the seconds that no division of its tasks among so many cores can beat."""
        return max(*self.seconds, sum(self.seconds) / cores)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.spark", description="Measure Spark.")
    parser.add_argument("--size", type=number, default=100_000, help="orders: 100k, 1M or 10M")
    parser.add_argument("--workers", type=int, default=0, help="of a cluster on this machine")
    parser.add_argument("--partitions", type=int, default=8, help="of each scan and shuffle")
    parser.add_argument("--memory", default="6g", help="of the driver, and of all workers together")
    parser.add_argument("--folder", type=Path, help="keep the raw files here, and use them again")
    parser.add_argument("--models", action="store_true", help="without tests and publishing")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        folder = arguments.folder or Path(scratch)
        raw = raw_files(arguments.size, folder).folder
        if arguments.models:
            run, compared = models, "build/warehouse.duckdb"
        else:
            run, compared = partial(night, raw_files(WARM_UP, folder).folder), PUBLISHED
        duckdb_night = run(raw, Path(scratch, "duckdb"), {})
        with cluster(arguments.workers, arguments.memory, Path(scratch)) as (settings, workers):
            events = Path(scratch, "events")
            events.mkdir()
            settings["spark.default.parallelism"] = str(arguments.partitions)
            environment = {
                "TENURE_ENGINE": "spark",
                "SPARK_MASTER": settings["spark.master"],
                "SPARK_LOCAL_IP": HOST,
                "SPARK_DRIVER_MEMORY": arguments.memory,
                "SPARK_SHUFFLE_PARTITIONS": str(arguments.partitions),
                "SPARK_CONF_DIR": str(_settings_folder(Path(scratch, "conf"), settings, events)),
            }
            spark_night = run(raw, Path(scratch, "spark"), environment)
            cpu_of_workers = sum(map(cpu_seconds, workers))
        [log] = events.iterdir()
        cores = arguments.workers or LOCAL_CORES
        for line in report(duckdb_night, spark_night, cpu_of_workers, stages(log), cores):
            print(line, flush=True)
        found = compare(
            Path(scratch, "duckdb", compared),
            Path(scratch, "spark", compared),
            published_keys(paths.ROOT),
            # Builds, their times and their hashes are never the same.
            schemas=[schema for schema in MARTS if schema != "meta"],
        )
        if found:
            sys.exit("\n".join(["Spark has other numbers:", *map(str, found)]))
        print("\nAll published tables are equal.")


def night(warm_up: Path, raw: Path, home: Path, settings: Mapping[str, str]) -> Measured:
    """Run a night on the files in `raw`.

    On DuckDB, one on those of `warm_up` comes first, and does not count. On Spark such a night
    would take ten minutes, and change little.
    """
    home.mkdir()
    for files in (raw,) if settings else (warm_up, raw):
        # Else the night would look for what moved between two shops.
        shutil.rmtree(home / "serve", ignore_errors=True)
        environment = {
            **settings,
            "TENURE_RAW_DIR": str(files),
            "TENURE_HOME": str(home),
            "TENURE_BOARDS": "off",
        }
        measured = measure(COMMAND, None, environment)
    return measured


def models(raw: Path, home: Path, settings: Mapping[str, str]) -> Measured:
    """Build the models alone, without tests, on the files in `raw`, into the private warehouse."""
    (home / "build/tmp").mkdir(parents=True)
    environment = {
        **settings,
        "TENURE_RAW_DIR": str(raw),
        "TENURE_HOME": str(home),
        "DBT_TARGET_PATH": str(home / "target"),
        "DBT_LOG_PATH": str(home / "logs"),
    }
    dbt = ["-m", "orchestration.spark"] if settings else ["-m", "dbt.cli.main"]
    build = [sys.executable, *dbt, "build", "--exclude-resource-type", "test", "unit_test"]
    measured = measure(build, None, environment)
    if settings:
        code = (
            "import sys, pathlib; from orchestration.spark.running import take_over;"
            " take_over(pathlib.Path(sys.argv[1]))"
        )
        measure([sys.executable, "-c", code, home / "target"], None, environment)
    return measured


def _settings_folder(folder: Path, settings: Mapping[str, str], events: Path) -> Path:
    """Write Spark's settings into a new folder; Spark shall write its event log into `events`."""
    log = {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": events.as_uri(),
        "spark.eventLog.compress": "false",
        "spark.eventLog.rolling.enabled": "false",
    }
    folder.mkdir()
    lines = (f"{name} {value}\n" for name, value in {**settings, **log}.items())
    (folder / "spark-defaults.conf").write_text("".join(lines), encoding="utf-8")
    return folder


@contextmanager
def cluster(workers: int, memory: str, folder: Path) -> Iterator[tuple[dict[str, str], list[int]]]:
    """Start a cluster of workers with one core each; yield Spark's settings and the workers' ids.

    Without workers, Spark runs in the process of the driver.
    """
    if not workers:
        yield {"spark.master": f"local[{LOCAL_CORES}]"}, []
        return
    each = f"{int(memory.rstrip('g')) * 1024 // workers}m"
    started = []
    try:
        started.append(_start(folder, "master.Master", "--host", HOST, "--port", "0"))
        master = _wait_for(started[0], folder / "master.Master.txt")
        options = ("--host", HOST, "--cores", "1", "--memory", each, master)
        started += [_start(folder, "worker.Worker", *options) for _ in range(workers)]
        # A worker keeps some of its memory for itself.
        heap = f"{int(each.rstrip('m')) * 9 // 10}m"
        yield (
            {"spark.master": master, "spark.executor.memory": heap, "spark.executor.cores": "1"},
            [process.pid for process in started[1:]],
        )
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


def _start(folder: Path, part: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a part of Spark's own cluster manager; its log goes into `folder`."""
    import pyspark

    with (folder / f"{part}.txt").open("ab") as log:
        return subprocess.Popen(
            [
                Path(pyspark.__file__).parent / "bin/spark-class",
                f"org.apache.spark.deploy.{part}",
                *("--webui-port", "0", *arguments),
            ],
            env={**os.environ, "SPARK_LOCAL_IP": HOST, "SPARK_WORKER_DIR": str(folder / "work")},
            stdout=log,
            stderr=log,
        )


def _wait_for(process: subprocess.Popen[bytes], log: Path) -> str:
    """Return the address of a master from its log. Raises RuntimeError if the master ends."""
    while process.poll() is None:
        if found := re.search(r"Starting Spark master at (spark://\S+)", log.read_text()):
            return found[1]
        time.sleep(0.2)
    raise RuntimeError(f"the master of the cluster has ended:\n{log.read_text()}")


def stages(log: Path) -> list[Stage]:
    """Read Spark's event log: one Stage for each stage that ran."""
    found: dict[int, Stage] = defaultdict(Stage)
    tables: dict[str, str] = {}
    with log.open(encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            kind = event["Event"].rpartition(".")[2]
            if kind == "SparkListenerSQLExecutionStart":
                tables[str(event["executionId"])] = _table(event["physicalPlanDescription"])
            elif kind == "SparkListenerJobStart":
                execution = event.get("Properties", {}).get("spark.sql.execution.id")
                for stage in event["Stage IDs"]:
                    found[stage].table = tables.get(execution, "")
            elif kind == "SparkListenerTaskEnd" and event.get("Task Metrics"):
                metrics = event["Task Metrics"]
                stage = found[event["Stage ID"]]
                stage.rows.append(
                    metrics["Input Metrics"]["Records Read"]
                    + metrics["Shuffle Read Metrics"]["Total Records Read"]
                )
                stage.seconds.append(metrics["Executor Run Time"] / 1000)
                task = event["Task Info"]
                stage.times.append((task["Launch Time"] / 1000, task["Finish Time"] / 1000))
                stage.spilled += metrics["Disk Bytes Spilled"]
                stage.collected += metrics["Result Size"]
    return [stage for stage in found.values() if stage.rows]


def busy_seconds(ran: Sequence[Stage]) -> float:
    """Return the seconds in which at least one task ran."""
    busy, until = 0.0, 0.0
    for start, end in sorted(times for stage in ran for times in stage.times):
        busy += max(end, until) - max(start, until)
        until = max(end, until)
    return busy


def expected_wall(wall: float, ran: Sequence[Stage], cores: int, more_cores: int) -> float:
    """Return the seconds that a night of `wall` seconds on `cores` would take on `more_cores`.

    What Spark plans, what dbt does and what is published stay as they are. The time in which tasks
    run shrinks as the least seconds of all stages do. Data that travel farther are not counted.
    """
    least = sum(stage.least_seconds(cores) for stage in ran)
    if not least:
        return wall
    busy = busy_seconds(ran)
    return wall - busy + busy * sum(stage.least_seconds(more_cores) for stage in ran) / least


_WRITES = re.compile(
    r"Execute InsertIntoHadoopFsRelationCommand\nInput[^\n]*\nArguments: \S*/(\w+)\.db/(\w+),"
)


def _table(plan: str) -> str:
    """Return schema.table that a plan writes, '' where it writes none."""
    written = _WRITES.search(plan)
    return f"{written[1]}.{written[2]}" if written else ""


def report(
    duckdb_night: Measured,
    spark_night: Measured,
    cpu_of_workers: float,
    ran: Sequence[Stage],
    cores: int,
) -> Iterator[str]:
    """Yield the lines of the report of two nights, that of Spark on `cores` cores."""
    nights = (duckdb_night, spark_night)
    # Nobody waits for Java, so its seconds are not in those of the processes that have ended.
    cpu = (duckdb_night.cpu, max(used for _, used in spark_night.cpu_until) + cpu_of_workers)
    yield "| | DuckDB | Spark |"
    yield "|---|---:|---:|"
    yield "| CPU s |" + "".join(f" {seconds:,.0f} |" for seconds in cpu)
    yield "| wall s |" + "".join(f" {night.wall:,.0f} |" for night in nights)
    yield "| peak memory MiB |" + "".join(f" {night.memory / 2**20:,.0f} |" for night in nights)
    busy = busy_seconds(ran)
    yield ""
    yield (
        f"{len(ran):,} stages, {sum(len(stage.rows) for stage in ran):,} tasks,"
        f" {sum(sum(stage.seconds) for stage in ran):,.0f} seconds of tasks,"
        f" {sum(stage.spilled for stage in ran) / 2**20:,.0f} MiB spilled."
        f" At least one task ran in {busy:,.0f} of the {spark_night.wall:,.0f} seconds."
        f" The largest result of a stage at the driver is"
        f" {max(stage.collected for stage in ran) / 2**20:,.1f} MiB."
    )
    yield ""
    yield "| cores | expected wall s |"
    yield "|---:|---:|"
    for more in MORE_CORES:
        yield f"| {more} | {expected_wall(spark_night.wall, ran, cores, more):,.0f} |"
    large = [stage for stage in ran if sum(stage.rows) >= MANY_ROWS]
    uneven = [stage for stage in large if stage.largest_share > LARGE_SHARE]
    yield ""
    yield (
        f"{len(large):,} stages read {MANY_ROWS:,} rows or more. In {len(uneven):,} of these one"
        f" task holds more than {LARGE_SHARE:.0%} of the rows. The slowest:"
    )
    yield ""
    yield "| table | rows of the stage | tasks | largest task's share | its s | all tasks, s |"
    yield "|---|---:|---:|---:|---:|---:|"
    for stage in sorted(uneven, key=lambda stage: -max(stage.seconds))[:40]:
        yield (
            f"| {stage.table or '(a test)'} | {sum(stage.rows):,} | {len(stage.rows)}"
            f" | {stage.largest_share:.0%} | {max(stage.seconds):,.1f}"
            f" | {sum(stage.seconds):,.1f} |"
        )
    yield ""
    yield "| table | result at the driver, MiB |"
    yield "|---|---:|"
    for stage in sorted(ran, key=lambda stage: -stage.collected)[:10]:
        yield f"| {stage.table or '(a test)'} | {stage.collected / 2**20:,.1f} |"


if __name__ == "__main__":
    main()
