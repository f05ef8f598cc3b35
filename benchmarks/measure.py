"""What a program takes of the machine, measured from outside. Needs Linux's /proc.

Seconds of CPU are those of the process and of all its descendants, as the kernel counts them when
they end. Memory is the sum of the resident memory of all of them at the same moment, looked at
every twentieth of a second; pages that two of them share count twice, a peak in between is missed.
So is a spill that is shorter.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
INTERVAL = 0.05
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Measured:
    """What one run took: seconds, bytes, and its standard output.

    `cpu_until` has the time of each look, in seconds since 1970, and the CPU seconds used by then.
    """

    wall: float = 0
    cpu: float = 0
    memory: int = 0
    spill: int = 0
    output: str = ""
    cpu_until: list[tuple[float, float]] = field(default_factory=list)


def measure(
    command: Sequence[str | Path],
    spill: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Measured:
    """Run a command from the project's root; `spill` is the folder where DuckDB spills.

    Ends the benchmark with the command's output if it fails.
    """
    measured = Measured()
    start = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, spill, measured, ended))
    watcher.start()
    measured.output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    measured.wall = time.perf_counter() - start
    measured.cpu = usage.ru_utime + usage.ru_stime
    # Popen would wait for a process that is gone.
    process.returncode = os.waitstatus_to_exitcode(status)
    ended.set()
    watcher.join()
    if process.returncode:
        sys.exit(f"{measured.output}\n{' '.join(map(str, command))} failed")
    return measured


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder; what vanishes counts as none."""
    if path.is_file():
        return path.stat().st_size
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.stat(os.path.join(folder, name)).st_size
    return total


def _watch(pid: int, spill: Path | None, measured: Measured, ended: threading.Event) -> None:
    while not ended.wait(INTERVAL):
        ticks, pages = 0, 0
        for process in _tree(pid):
            try:
                fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            # Its own and those of its children that have ended, user and system; see proc(5).
            ticks += sum(map(int, fields[11:15]))
            pages += int(fields[21])
        measured.cpu_until.append((time.time(), ticks / TICK))
        measured.memory = max(measured.memory, pages * PAGE)
        if spill:
            measured.spill = max(measured.spill, size_of(spill))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in children.read_text().split():
                yield from _tree(int(child))
        except (FileNotFoundError, ProcessLookupError):
            continue
