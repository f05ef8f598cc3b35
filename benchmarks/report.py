"""The tables of a benchmark, as Markdown."""

import os
import platform
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from benchmarks.floor.run import Floor
from benchmarks.generate import Raw
from benchmarks.measure import size_of
from benchmarks.night import Night, Node
from benchmarks.rivals.run import Rival
from orchestration.serving.provenance import git_sha, software_versions

# Shown are this number of nodes at least, and every node with this share of dbt's seconds.
SHOWN = 10
LARGE = 0.01
LONGEST_NAME = 60
PROFILED = " CPU seconds are those of one more night, with one dbt thread."

PREFACE = [
    "# What a night takes",
    "",
    "Made by `python -m benchmarks`. The night is `python -m orchestration.nightly`, from raw",
    "files to published tables, with every test. The floor is `benchmarks/floor/`: SQL that an",
    "expert would write by hand. It makes about half of the tables from the same files, with the",
    "same numbers, but without tests, comments or an account of each record. Each size names what",
    "the floor leaves out. CPU seconds and memory are the sum over all processes.",
    "",
]


def report(
    raw: Raw,
    nights: Sequence[Night],
    floors: Sequence[Floor],
    left_out: Sequence[str],
    rivals: Iterable[Rival],
    profile: Night | None,
) -> list[str]:
    """Return the lines of the report; every figure is the median of the rounds."""
    return [
        f"## {raw.orders:,} orders",
        "",
        *_circumstances(raw, len(nights)),
        "",
        *_night_and_floor(nights, floors, left_out),
        "",
        *_stages(nights, floors),
        "",
        *_disk(raw, nights),
        "",
        *_nodes("model", nights, profile),
        "",
        *_nodes("test", nights, profile),
        "",
        "Seconds are those that dbt reports. Two threads run at a time, and the seconds of both"
        " count. Shares are of the sum over all seeds, models and tests."
        + (PROFILED if profile else ""),
        "",
        *_rivals(nights, rivals, profile),
        "",
    ]


def _circumstances(raw: Raw, rounds: int) -> Iterator[str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {version}" for name, version in software_versions().items())
    yield f"- {datetime.now(UTC):%Y-%m-%d}, commit {git_sha() or 'unknown'}"
    yield f"- {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB of memory"
    yield f"- {versions}"
    yield f"- raw: {', '.join(f'{rows:,} {table}' for table, rows in raw.rows().items())}"
    yield f"- medians of {rounds} rounds" if rounds > 1 else "- one round"


def _night_and_floor(
    nights: Sequence[Night], floors: Sequence[Floor], left_out: Sequence[str]
) -> Iterator[str]:
    runs = {
        "the night": [night.measured for night in nights],
        "the floor": [floor.measured for floor in floors],
    }
    figures = {
        name: [
            statistics.median(getattr(run, what) for run in measured)
            for what in ("cpu", "wall", "memory", "spill")
        ]
        for name, measured in runs.items()
    }
    yield from _table(
        ["", "CPU s", "wall s", "peak memory MiB", "peak spill MiB"],
        [
            [name, f"{cpu:.1f}", f"{wall:.1f}", _mib(memory), _mib(spill)]
            for name, (cpu, wall, memory, spill) in figures.items()
        ],
    )
    ratios = [
        f"{night / floor:.2f}" for night, floor in zip(*figures.values(), strict=True) if floor
    ]
    yield ""
    yield f"Night : floor is {ratios[0]} in CPU, {ratios[1]} in wall, {ratios[2]} in memory."
    if left_out:
        yield f"The floor does less: it leaves out {', '.join(left_out)}."
    else:
        yield "The floor makes every published table but those of `meta`, with the same numbers."


def _stages(nights: Sequence[Night], floors: Sequence[Floor]) -> Iterator[str]:
    yield from _table(
        ["stage of the night", "wall s"],
        [
            [stage, f"{_median(nights, lambda night, stage=stage: night.stages[stage]):.1f}"]
            for stage in nights[0].stages
        ],
    )
    yield ""
    yield from _table(
        ["step of the floor", "wall s", "CPU s"],
        [
            [
                step,
                f"{_median(floors, lambda floor, step=step: floor.steps[step][0]):.1f}",
                f"{_median(floors, lambda floor, step=step: floor.steps[step][1]):.1f}",
            ]
            for step in floors[0].steps
        ],
    )


def _disk(raw: Raw, nights: Sequence[Night]) -> list[str]:
    return _table(
        ["on disk", "MiB"],
        [
            ["raw files", _mib(size_of(raw.folder))],
            ["private warehouse", _mib(_median(nights, lambda night: night.warehouse))],
            ["published version", _mib(_median(nights, lambda night: night.published))],
        ],
    )


def _nodes(kind: str, nights: Sequence[Night], profile: Night | None) -> Iterator[str]:
    """Yield a row per node that matters, slowest first: by CPU seconds if these are known."""
    seconds = seconds_by_node(nights)
    cpu = {node.name: node.cpu for node in profile.nodes} if profile else {}
    total, cpu_total = sum(seconds.values()), sum(cpu.values())
    nodes = sorted(
        (node for node in nights[0].nodes if node.kind == kind),
        key=lambda node: (cpu or seconds)[node.name],
        reverse=True,
    )
    is_large = [(cpu or seconds)[node.name] >= LARGE * (cpu_total or total) for node in nodes]
    shown = max(SHOWN, sum(is_large))

    def row(name: str, of: Sequence[Node], rows: int | None) -> list[str]:
        wall = sum(seconds[node.name] for node in of)
        used = sum(cpu[node.name] for node in of) if cpu else 0
        return [
            name[:LONGEST_NAME],
            f"{wall:.2f}",
            f"{wall / total:.1%}",
            *([f"{used:.2f}", f"{used / cpu_total:.1%}"] if cpu else []),
            f"{rows:,}" if rows is not None else "",
            f"{rows / wall:,.0f}" if rows is not None and wall else "",
        ]

    yield from _table(
        [kind, "wall s", "of dbt", *(["CPU s", "of dbt"] if cpu else []), "rows", "rows/s"],
        [
            *(row(node.name, [node], node.rows) for node in nodes[:shown]),
            row(f"{len(nodes[shown:])} others", nodes[shown:], None),
            row(f"all {len(nodes)}", nodes, None),
        ],
    )


def _rivals(
    nights: Sequence[Night], rivals: Iterable[Rival], profile: Night | None
) -> Iterator[str]:
    seconds = seconds_by_node(nights)
    cpu = {node.name: node.cpu for node in profile.nodes} if profile else {}
    rows = []
    for rival in rivals:
        wall = sum(seconds[name] for name in rival.models)
        used = sum(cpu[name] for name in rival.models) if cpu else 0
        ratio = rival.measured.cpu / used if cpu else rival.measured.wall / wall
        rows.append(
            [
                rival.name,
                f"{rival.measured.wall:.1f}",
                f"{rival.measured.cpu:.1f}",
                _mib(rival.measured.memory),
                f"{wall:.1f}",
                f"{used:.1f}" if cpu else "",
                f"{ratio:.2f}",
                f"{rival.total.wall:.1f}" if rival.total else "",
                f"{rival.total.cpu:.1f}" if rival.total else "",
            ]
        )
    yield from _table(
        [
            *("rival", "wall s", "CPU s", "memory MiB", "models, wall s", "models, CPU s"),
            f"rival : models, {'CPU' if cpu else 'wall'}",
            *("total only, wall s", "total only, CPU s"),
        ],
        rows,
    )
    yield ""
    yield "A rival makes less than its models do; see `benchmarks/rivals/`. Total only: one run of"
    yield (
        "dbt on the same models without segments, from the raw files on, with dbt's own start."
        + (
            ""
            if "LIFETIMES_PYTHON" in os.environ
            else " lifetimes was left out: no LIFETIMES_PYTHON."
        )
    )


def seconds_by_node(nights: Sequence[Night]) -> dict[str, float]:
    """Return the median seconds of each seed, model and test."""
    of_nights = [{node.name: node.seconds for node in night.nodes} for night in nights]
    return {name: _median(of_nights, itemgetter(name)) for name in of_nights[0]}


def _median(rounds: Sequence[Any], figure: Callable[[Any], float]) -> float:
    return statistics.median(figure(round_) for round_ in rounds)


def _mib(size: float) -> str:
    return f"{size / 2**20:,.0f}"


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a Markdown table with its columns as wide as their longest cell."""
    cells = [list(heading), *map(list, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heading))]
    lines = []
    for row in cells:
        first, *others = zip(row, widths, strict=True)
        padded = [first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)]
        lines.append(f"| {' | '.join(padded)} |")
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return [lines[0], f"| {' | '.join(rule)} |", *lines[1:]]
