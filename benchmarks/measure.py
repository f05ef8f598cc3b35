"""The time, memory and disk that a program uses, measured from outside. Needs Linux's /proc.

CPU seconds are those of the process and all its descendants. The kernel counts them when they end.

Memory is the sum over all these processes at one moment, and the peak over all moments. A moment is
every twentieth of a second, so a shorter peak is missed. A page that two processes share counts
twice. Spilled bytes are looked at in the same way.
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
    """The seconds and bytes that one run used, and its standard output.

    `cpu_until` has two figures for each look: the time in seconds since 1970, and the CPU seconds
    used until this time.
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
    project: Path = ROOT,
) -> Measured:
    """Run a command from the root of `project`; `spill` is the folder where DuckDB spills.

    If the command fails, its output is printed and the benchmark ends.
    """
    measured = Measured()
    start = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=project,
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
    # os.wait4 has already collected the process, so Popen could never learn how it ended.
    process.returncode = os.waitstatus_to_exitcode(status)
    ended.set()
    watcher.join()
    if process.returncode:
        sys.exit(f"{measured.output}\n{' '.join(map(str, command))} failed")
    return measured


def size_of(path: Path) -> int:
    """Return the bytes of a file or of all files below a folder; a file that vanishes counts 0."""
    if path.is_file():
        return path.stat().st_size
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.stat(os.path.join(folder, name)).st_size
    return total


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a running process and its descendants so far."""
    return sum(_used(process)[0] for process in _tree(pid)) / TICK


def _used(pid: int) -> tuple[int, int]:
    """Return the ticks that a process has used, and the pages that it holds; 0 if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0
    # User and system time of the process and of its children that have ended. See proc(5).
    return sum(map(int, fields[11:15])), int(fields[21])


def _watch(pid: int, spill: Path | None, measured: Measured, ended: threading.Event) -> None:
    while not ended.wait(INTERVAL):
        ticks, pages = 0, 0
        for process in _tree(pid):
            used, held = _used(process)
            ticks += used
            pages += held
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
