"""The whole night on data of any size: `python -m benchmarks [--size 100k|1M|10M]`.

Makes raw files, runs the night on them as a user does, has an expert's hand-written SQL make the
same tables, checks that their numbers are the same, and runs what people use instead. Prints what
each took; writes only into a temporary folder unless told otherwise. A first night on few orders,
which does not count, has the project parsed and the code compiled, as on any night but the first.
"""

import argparse
import hashlib
import inspect
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.compare import differences
from benchmarks.floor.run import Floor, floor
from benchmarks.generate import Raw, generate
from benchmarks.night import Night, night
from benchmarks.report import PREFACE, report
from benchmarks.rivals.run import rivals

WARM_UP = 2_000
# From here on a single round says enough.
LARGE = 5_000_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure a whole night.")
    parser.add_argument(
        "--size", type=number, nargs="+", default=[100_000], help="orders: 100k, 1M or 10M"
    )
    parser.add_argument("--rounds", type=int, help="default: 3, and 1 from 5M orders on")
    parser.add_argument("--results", type=Path, help="put the tables into this file too")
    parser.add_argument("--folder", type=Path, help="keep the raw files here, and use them again")
    parser.add_argument(
        "--profile",
        action="store_true",
        help="one more night with one dbt thread, for the CPU seconds of each model and test",
    )
    arguments = parser.parse_args()
    folder = arguments.folder and arguments.folder.absolute()
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    lines = list(PREFACE)
    for orders in arguments.size:
        rounds = arguments.rounds or (1 if orders >= LARGE else 3)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            lines += run(orders, rounds, arguments.profile, folder or Path(scratch), Path(scratch))
    text = "\n".join(lines)
    print(text)
    if arguments.results:
        arguments.results.write_text(text, encoding="utf-8")


def run(orders: int, rounds: int, has_profile: bool, folder: Path, scratch: Path) -> list[str]:
    """Return the report of a benchmark with its raw files in `folder` and all else in `scratch`."""
    raw = raw_files(orders, folder)
    home = scratch / "home"
    one_round(raw_files(WARM_UP, folder), home, scratch / "by hand")
    nights, floors, left_out = zip(
        *(one_round(raw, home, scratch / "by hand") for _ in range(rounds)), strict=True
    )
    return report(
        raw,
        nights,
        floors,
        left_out[0],
        list(rivals(raw.folder, home)),
        night(raw.folder, home, dbt_threads=1) if has_profile else None,
    )


def one_round(raw: Raw, home: Path, by_hand: Path) -> tuple[Night, Floor, list[str]]:
    """Return a night, the floor on the same files, and the tables that the floor leaves out.

    Ends the benchmark if their numbers are not the same.
    """
    by_hand.mkdir()
    nightly = night(raw.folder, home)
    floored = floor(raw.folder, by_hand)
    published = home / "serve" / "current" / "tenure.duckdb"
    found, left_out = differences(published, by_hand / "tenure.duckdb")
    if found:
        sys.exit("\n".join(["The floor is none, its numbers are not those published:", *found]))
    shutil.rmtree(by_hand)
    return nightly, floored, left_out


def raw_files(orders: int, folder: Path) -> Raw:
    """Return raw files with so many orders: those that this generator made before, or new ones."""
    source = inspect.getsource(inspect.getmodule(generate))
    generator = hashlib.sha256(source.encode()).hexdigest()[:8]
    there = folder / f"raw-{orders}-{generator}"
    if not there.exists():
        partial = there.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        generate(partial, orders)
        partial.rename(there)
    return Raw(there, orders)


def number(text: str) -> int:
    """Return 100,000 for 100k and 1,000,000 for 1M; raises ValueError for what is no number."""
    units = {"k": 1_000, "M": 1_000_000}
    return int(text[:-1]) * units[text[-1]] if text[-1:] in units else int(text)


if __name__ == "__main__":
    main()
