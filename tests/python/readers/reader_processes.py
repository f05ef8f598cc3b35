"""Readers beside a build, like BI tools. Each is a process that opens the published file again and
again and reads every table: `python reader_processes.py FILE PAUSE`.
"""

import hashlib
import json
import random
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb

# The recipe for BI tools that take nothing but settings.
HARDENED = {"enable_external_access": "false", "lock_configuration": "true"}


class Read(NamedTuple):
    """One connection: when it opened, the seconds until its first answer, and what it saw."""

    opened_at: float
    seconds: float
    build_id: str
    as_of: str
    digest: str
    error: str | None = None


@contextmanager
def readers(file: Path, number: int, pause: float) -> Iterator[list[Read]]:
    """Run `number` readers that pause for about `pause` seconds, and collect all their reads."""
    reads: list[Read] = []
    with ExitStack() as stack:
        running = []
        for _ in range(number):
            output = stack.enter_context(tempfile.TemporaryFile("w+"))
            command = [sys.executable, __file__, str(file), str(pause)]
            running.append(
                (subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output), output)
            )
        try:
            yield reads
        finally:
            for process, output in running:
                process.communicate()
                output.seek(0)
                reads += [Read(*json.loads(line)) for line in output]
        assert all(process.returncode == 0 for process, _ in running)


def check(reads: list[Read], flips: dict[str, float]) -> None:
    """No read failed, mixed two builds, or saw an older build than was current when it began.

    `flips` has the builds that were current, oldest first, and when each became current.
    """
    assert not [read.error for read in reads if read.error]
    builds = list(flips)
    whole = {(read.build_id, read.as_of, read.digest) for read in reads}
    assert len(whole) == len({build for build, _, _ in whole}) == len({seen for *_, seen in whole})
    for read in reads:
        # The clock of the file system moves in steps of some milliseconds.
        past = [build for build, moment in flips.items() if moment + 0.02 < read.opened_at]
        assert builds.index(read.build_id) >= len(past) - 1, (read, flips)


def _read(file: str) -> Read:
    opened_at, started = time.time(), time.perf_counter()
    try:
        with duckdb.connect(file, read_only=True, config=HARDENED) as connection:
            [(build_id, as_of)] = connection.execute(
                "select build_id, as_of::varchar from meta.builds where is_current"
            ).fetchall()
            seconds = time.perf_counter() - started
            tables = connection.execute(
                "select table_schema || '.' || table_name from information_schema.tables"
                " order by all"
            ).fetchall()
            seen = [
                (table, *connection.execute(_CHECKSUM.format(table)).fetchone())
                for (table,) in tables
            ]
    except Exception as error:
        return Read(opened_at, time.perf_counter() - started, "", "", "", repr(error))
    digest = hashlib.sha256(repr(seen).encode()).hexdigest()
    return Read(opened_at, seconds, build_id, as_of, digest)


_CHECKSUM = "select count(*), sum(hash(t)) from {} as t"


def _main() -> None:
    file, pause = sys.argv[1], float(sys.argv[2])
    is_over = False
    while not is_over:
        # A reader stops when its standard input ends, and reads once more then: what is current.
        is_over = bool(select.select([sys.stdin], [], [], pause * random.uniform(0.5, 1.5))[0])
        print(json.dumps(_read(file)), flush=True)


if __name__ == "__main__":
    _main()
