"""Nights of two commits side by side: `python -m benchmarks.base REF [--size sample 1M]`.

Both read the same raw files and build in turns, each with its own environment and its own home. A
machine that is busy for a minute is so for both. Prints the medians, and what part of the base's
time this commit takes. Boards are off on both sides. What is new here costs, and is not taken out.
So a second table has dbt's seconds for the tables that both publish, and for those that only this
commit does.

The size `sample` is the sample shop of the base. Then builds after an edit of one model are timed
too: the whole night, and dbt alone on that model and all below it.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.__main__ import LARGE, WARM_UP, number, raw_files
from benchmarks.measure import ROOT, Measured, measure

EDITED = Path("models/marts/churn/rpt_mrr.sql")
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", "var", "target", "logs", "__pycache__", ".*_cache"
)


@dataclass
class Side:
    """A commit: its name, its project, its interpreter, and what its runs took, by what was run."""

    name: str
    project: Path
    python: Path
    home: Path
    runs: dict[str, list[Measured]] = field(default_factory=dict)

    def night(self, raw: Path) -> Measured:
        """Run a whole night on the files in `raw`."""
        return self._run(raw, self.python, "-m", "orchestration.nightly")

    def build_edited(self, raw: Path) -> Measured:
        """Run dbt on the edited model and all models and tests below it."""
        dbt = self.python.with_name("dbt")
        return self._run(raw, dbt, "--quiet", "build", "--select", f"{EDITED.stem}+")

    def edit(self, round_number: int) -> None:
        """Add a line of comment to one model."""
        with (self.project / EDITED).open("a", encoding="utf-8") as model:
            model.write(f"-- edited {round_number}\n")

    def _run(self, raw: Path, *command: str | Path) -> Measured:
        environment = {
            "TENURE_RAW_DIR": str(raw),
            "TENURE_HOME": str(self.home),
            "TENURE_BOARDS": "off",
            "DBT_TARGET_PATH": str(self.home / "target"),
            "DBT_LOG_PATH": str(self.home / "logs"),
        }
        return measure(command, self.home / "build/tmp", environment, self.project)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.base", description="Compare two commits.")
    parser.add_argument("base", help="a commit, branch or tag")
    parser.add_argument("--size", nargs="+", default=["sample"], help="sample, 100k, 1M or 10M")
    parser.add_argument("--rounds", type=int, help="default: 3, and 1 from 5M orders on")
    parser.add_argument("--folder", type=Path, help="keep the raw files here, and use them again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        folder = Path(scratch)
        base = folder / "base"
        _git("worktree", "add", "--quiet", "--detach", str(base), arguments.base)
        try:
            subprocess.run(["make", "--quiet", "setup"], cwd=base, check=True)
            for size in arguments.size:
                for line in run(size, arguments.rounds, base, arguments.folder or folder, folder):
                    print(line, flush=True)
        finally:
            _git("worktree", "remove", "--force", str(base))


def run(size: str, rounds: int | None, base: Path, keep: Path, scratch: Path) -> Iterator[str]:
    """Yield the report of one size. `keep` has the raw files, `scratch` everything else."""
    if size == "sample":
        raw, warm_up, orders = base / "data/sample", base / "data/sample", 0
    else:
        orders = number(size)
        raw, warm_up = raw_files(orders, keep).folder, raw_files(WARM_UP, keep).folder
    mine = scratch / f"mine {size}"
    shutil.copytree(ROOT, mine, ignore=NOT_COPIED)
    sides = [
        Side("base", base, base / ".venv/bin/python", scratch / f"base home {size}"),
        Side("this", mine, Path(sys.executable), scratch / f"this home {size}"),
    ]
    for side in sides:
        side.home.mkdir()
        side.night(warm_up)
        # Else the first night would look for what moved between two shops.
        shutil.rmtree(side.home / "serve")
    for turn in range(rounds or (1 if orders >= LARGE else 3)):
        for side in sides if turn % 2 == 0 else reversed(sides):
            side.runs.setdefault("night", []).append(side.night(raw))
            if size == "sample":
                side.edit(turn)
                side.runs.setdefault("night after an edit", []).append(side.night(raw))
                side.edit(-turn)
                side.runs.setdefault("dbt after an edit", []).append(side.build_edited(raw))
    yield from report(size, sides)
    yield from shared_tables(*sides)
    for side in sides:
        shutil.rmtree(side.home)


def report(size: str, sides: Sequence[Side]) -> Iterator[str]:
    """Yield a Markdown table: CPU seconds, wall seconds and memory of both, and the ratio."""
    base, this = sides
    yield f"\n{size}: medians of {len(base.runs['night'])} rounds\n"
    yield "| | | base | this | this : base |"
    yield "|---|---|---:|---:|---:|"
    for what in base.runs:
        for figure, unit in (("cpu", 1), ("wall", 1), ("memory", 2**20)):
            before, after = (
                statistics.median(getattr(run, figure) for run in side.runs[what]) / unit
                for side in (base, this)
            )
            name = {"cpu": "CPU s", "wall": "wall s", "memory": "peak memory MiB"}[figure]
            yield f"| {what} | {name} | {before:,.1f} | {after:,.1f} | {after / before:.2f} |"


def shared_tables(base: Side, this: Side) -> Iterator[str]:
    """Yield a Markdown table: dbt's seconds for the tables that both publish, and for others.

    A table's seconds are those of every node that it needs, and of every test of such nodes only.
    """
    before, after = (_seconds_and_parents(side.home) for side in (base, this))
    marts = [node for node in before if node.startswith("model.") and "marts" in before[node].path]
    yield "\ndbt's seconds in the last of these nights; two nodes run at a time, and both count\n"
    yield "| | base | this | this : base |"
    yield "|---|---:|---:|---:|"
    old, shared = (
        sum(nodes[name].seconds for name in _needed(nodes, marts)) for nodes in (before, after)
    )
    yield f"| tables that both publish | {old:,.1f} | {shared:,.1f} | {shared / old:.2f} |"
    others = sum(node.seconds for node in after.values()) - shared
    yield f"| everything else | | {others:,.1f} | |"


@dataclass(frozen=True)
class _Node:
    path: str
    parents: Sequence[str]
    seconds: float


def _seconds_and_parents(home: Path) -> dict[str, _Node]:
    built = home / "dbt" / "built"
    nodes = json.loads((built / "manifest.json").read_text())["nodes"]
    results = json.loads((built / "run_results.json").read_text())["results"]
    seconds = {result["unique_id"]: result["execution_time"] for result in results}
    return {
        name: _Node(
            node["original_file_path"],
            node["depends_on"].get("nodes", []),
            seconds.get(name, 0.0),
        )
        for name, node in nodes.items()
    }


def _needed(nodes: Mapping[str, _Node], wanted: Sequence[str]) -> set[str]:
    """Return the wanted nodes, all that they are made from, and the tests of nothing else."""
    needed, waiting = set(), [name for name in wanted if name in nodes]
    while waiting:
        name = waiting.pop()
        if name in nodes and name not in needed:
            needed.add(name)
            waiting += nodes[name].parents
    return needed | {
        name
        for name, node in nodes.items()
        if name.startswith("test.") and {p for p in node.parents if p in nodes} <= needed
    }


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
