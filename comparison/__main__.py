"""Which published numbers move: `python -m comparison --base REF ZONE...` (`make diff`).

The base is a git ref or the id of a served build. A ref is checked out into a temporary folder, and
both states of the project build every landing zone. A build id is compared with the build that is
served now. Exit code 0: no difference, or only those that --allow names. 1: others. 2: --allow
names a table that nobody publishes.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from comparison.compare import MARTS, Renames, compare
from comparison.keys import published_keys
from comparison.report import Allowed, UnknownTableError, report
from orchestration import paths

PUBLISHED = "tenure.duckdb"
RENAMES = Path(__file__).with_name("renames.yml")
# What a file knows of the builds before it differs between any two builds.
HISTORY = {"meta.builds", "meta.restatements", "meta.reported_values"}


def main() -> int:
    """Compare and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="comparison", description="Which numbers move?")
    parser.add_argument("--base", required=True, help="a git ref, or the id of a served build")
    parser.add_argument(
        "zones", type=Path, nargs="*", help="landing zones, or folders with raw/ and vars.yml"
    )
    parser.add_argument("--format", choices=["text", "markdown"], default="text")
    parser.add_argument(
        "--allow", default="", help="what may move: churn.rpt_mrr.nrr,core.dim_customers"
    )
    arguments = parser.parse_args()
    try:
        allowed = Allowed.read(arguments.allow, published_keys(paths.ROOT))
    except UnknownTableError as error:
        print(error)
        return 2
    served = paths.serve() / "versions" / arguments.base / PUBLISHED
    if served.exists():
        current = paths.serve() / "current" / PUBLISHED
        return _print_differences("published", served, current, allowed, arguments.format)
    with tempfile.TemporaryDirectory(prefix="tenure-diff-") as scratch:
        built = _build_both(arguments.base, arguments.zones, Path(scratch))
        return max(
            _print_differences(name, before, after, allowed, arguments.format)
            for name, before, after in built
        )


def _build_both(base: str, given: Sequence[Path], scratch: Path) -> list[tuple[str, Path, Path]]:
    """Build all landing zones with the base and with the work tree: name, before, after."""
    project = scratch / "base"
    # A copy without its history: the repository's list of work trees stays as it is.
    project.mkdir()
    archive = subprocess.run(["git", "archive", base], cwd=paths.ROOT, capture_output=True)
    if archive.returncode:
        sys.exit(f"BASE={base}: no served build has this id, and git knows no such commit.")
    subprocess.run(["tar", "-x", "-C", project], input=archive.stdout, check=True)
    zones = [_zone(folder.absolute(), scratch / "zones") for folder in given]
    built, running = {}, []
    # Side by side: each build leaves a core idle for half of its time.
    for name, root in [("base", project), ("now", paths.ROOT)]:
        built[name] = scratch / f"{name}-built"
        command = [sys.executable, "-m", "comparison.build", "--project", root]
        running.append(subprocess.Popen([*command, "--out", built[name], *zones], cwd=paths.ROOT))
    if any([process.wait() for process in running]):
        sys.exit("One of the two states does not build: its message stands above.")
    return [
        (zone.name, *(built[name] / f"{zone.name}.duckdb" for name in ("base", "now")))
        for zone in zones
    ]


def _zone(folder: Path, zones: Path) -> Path:
    """Return a folder with raw/ in it: the given one, or a new one around a landing zone."""
    if (folder / "raw").is_dir():
        return folder
    zone = zones / folder.name
    zone.mkdir(parents=True)
    (zone / "raw").symlink_to(folder)
    return zone


def _print_differences(name: str, before: Path, after: Path, allowed: Allowed, form: str) -> int:
    found = [
        difference
        for difference in compare(
            before, after, published_keys(paths.ROOT), Renames.read(RENAMES), MARTS
        )
        if difference.table not in HISTORY
    ]
    print("\n".join(report(name, found, allowed, form)))
    return 1 if any(not allowed.allows(difference) for difference in found) else 0


if __name__ == "__main__":
    sys.exit(main())
