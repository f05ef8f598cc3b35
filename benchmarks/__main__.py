"""The whole night on data of any size: `python -m benchmarks [--size 100k|1M|10M]`.

The steps:

1. Make raw files.
2. Run the night on these files, as a user does.
3. Run the floor: an expert's hand-written SQL that makes about half of the tables.
4. Check that both give the same numbers.
5. Run the rivals: what people use instead of a part of the night.

Prints the time and the memory of each. Everything is written into a temporary folder, unless an
option names another place. A first night on few orders does not count: it parses the project and
compiles the code, so that the measured nights are like any later night.
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
# From this number of orders on, one round is enough.
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
    """Measure, and return the report; raw files go to `folder`, everything else to `scratch`."""
    raw = raw_files(orders, folder)
    home = scratch / "home"
    one_round(raw_files(WARM_UP, folder), home, scratch / "by hand")
    # Else the first night would look for what moved between two shops.
    shutil.rmtree(home / "serve")
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

    The benchmark ends here if night and floor have different numbers.
    """
    by_hand.mkdir()
    nightly = night(raw.folder, home)
    floored = floor(raw.folder, by_hand)
    published = home / "serve" / "current" / "tenure.duckdb"
    found, left_out = differences(published, by_hand / "tenure.duckdb")
    if found:
        sys.exit("\n".join(["The floor does not count. The night has other numbers:", *found]))
    shutil.rmtree(by_hand)
    return nightly, floored, left_out


def raw_files(orders: int, folder: Path) -> Raw:
    """Return raw files with this number of orders: old ones of the same generator, or new ones."""
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
    """Return 100,000 for 100k and 1,000,000 for 1M. Other texts than numbers raise ValueError."""
    units = {"k": 1_000, "M": 1_000_000}
    return int(text[:-1]) * units[text[-1]] if text[-1:] in units else int(text)


if __name__ == "__main__":
    main()
