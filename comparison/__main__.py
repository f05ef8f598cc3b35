"""Which published numbers move: `python -m comparison --base REF ZONE...` (`make diff`).

The base is a git ref or the id of a served build. A ref is checked out into a temporary folder, and
both states of the project build every landing zone. A build id is compared with the build that is
served now. Exit code 0: no difference. 1: some, each on a line.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from comparison.compare import MARTS, Renames, compare
from comparison.keys import published_keys
from orchestration import paths

PUBLISHED = "tenure.duckdb"
RENAMES = Path(__file__).with_name("renames.yml")


def main() -> int:
    """Compare and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="comparison", description="Which numbers move?")
    parser.add_argument("--base", required=True, help="a git ref, or the id of a served build")
    parser.add_argument(
        "zones", type=Path, nargs="*", help="landing zones, or folders with raw/ and vars.yml"
    )
    arguments = parser.parse_args()
    served = paths.serve() / "versions" / arguments.base / PUBLISHED
    if served.exists():
        return _print_differences("published", served, paths.serve() / "current" / PUBLISHED)
    with tempfile.TemporaryDirectory(prefix="tenure-diff-") as scratch:
        return _compare_commits(arguments.base, arguments.zones, Path(scratch))


def _compare_commits(base: str, given: Sequence[Path], scratch: Path) -> int:
    """Build all landing zones with the base and with the work tree, and compare them."""
    project = scratch / "base"
    # A copy without its history: the repository's list of work trees stays as it is.
    project.mkdir()
    archive = subprocess.run(["git", "archive", base], cwd=paths.ROOT, capture_output=True)
    if archive.returncode:
        sys.exit(f"BASE={base}: no served build has this id, and git knows no such commit.")
    subprocess.run(["tar", "-x", "-C", project], input=archive.stdout, check=True)
    zones = [_zone(folder.absolute(), scratch / "zones") for folder in given]
    built = {}
    for name, root in [("base", project), ("now", paths.ROOT)]:
        built[name] = scratch / f"{name}-built"
        command = [sys.executable, "-m", "comparison.build", "--project", root]
        subprocess.run([*command, "--out", built[name], *zones], cwd=paths.ROOT, check=True)
    codes = [
        _print_differences(
            zone.name, built["base"] / f"{zone.name}.duckdb", built["now"] / f"{zone.name}.duckdb"
        )
        for zone in zones
    ]
    return max(codes)


def _zone(folder: Path, zones: Path) -> Path:
    """Return a folder with raw/ in it: the given one, or a new one around a landing zone."""
    if (folder / "raw").is_dir():
        return folder
    zone = zones / folder.name
    zone.mkdir(parents=True)
    (zone / "raw").symlink_to(folder)
    return zone


def _print_differences(name: str, before: Path, after: Path) -> int:
    found = compare(before, after, published_keys(paths.ROOT), Renames.read(RENAMES), MARTS)
    print(f"{name}: {len(found)} differences" if found else f"{name}: no difference")
    for difference in found:
        print(f"  {difference}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
