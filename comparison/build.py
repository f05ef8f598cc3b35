"""Builds a project for one landing zone after another: `python -m comparison.build`.

Runs in a process of its own, whose current folder is the project, so that two commits can be built
by one Python. dbt parses once; after that a small landing zone takes two or three seconds.
"""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

import yaml


def main() -> None:
    """Build each zone into `<out>/<zone>.duckdb`; exit with what dbt said if a build fails."""
    parser = argparse.ArgumentParser(prog="comparison.build")
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("zones", type=Path, nargs="+", help="folders: raw/ and, maybe, vars.yml")
    arguments = parser.parse_args()
    # dbt writes both folders into what it parses, so they stay the same for all zones.
    folder = arguments.out / "home"
    os.environ["TENURE_HOME"], os.environ["TENURE_RAW_DIR"] = str(folder), str(folder / "raw")
    # The project's own estimation/ comes before the one that is installed.
    sys.path.insert(0, str(arguments.project))
    (folder / "build").mkdir(parents=True)
    (folder / "raw").symlink_to(arguments.zones[0] / "raw")
    manifest = _dbt(arguments.project, folder, None, {}, "parse")
    for zone in arguments.zones:
        (folder / "raw").unlink()
        (folder / "raw").symlink_to(zone / "raw")
        file = zone / "vars.yml"
        variables = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else {}
        excluded = ["--exclude-resource-type", "test", "unit_test"]
        _dbt(arguments.project, folder, manifest, variables, "build", *excluded)
        shutil.move(folder / "build" / "warehouse.duckdb", arguments.out / f"{zone.name}.duckdb")


def forget_compiled(manifest: object) -> object:
    """Return a manifest of dbt, ready for one more command in this process.

    dbt notes in the manifest which ephemeral models it has put into a model, and a later command
    would leave them out. Which ones a staging model reads depends on the landing zone.
    """
    for node in manifest.nodes.values():
        if node.resource_type == "model":
            node.extra_ctes_injected, node.extra_ctes = False, []
    return manifest


def _dbt(project: Path, folder: Path, manifest: object, variables: dict, *command: str) -> object:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    flags = [
        *("--quiet", "--no-write-json", "--log-level-file", "none"),
        *("--project-dir", str(project), "--profiles-dir", str(project)),
        *("--target-path", str(folder / "target"), "--log-path", str(folder / "logs")),
        *("--vars", json.dumps(variables, default=str)),
    ]
    manifest = forget_compiled(manifest) if manifest else None
    done = dbtRunner(manifest=manifest).invoke([command[0], *flags, *command[1:]])
    # dbt would hold the warehouse open until its next command.
    DuckDBConnectionManager.close_all_connections()
    if not done.success:
        failed = [result for result in getattr(done.result, "results", []) if result.message]
        reasons = [f"{result.node.name}: {result.message}" for result in failed]
        sys.exit("\n".join(map(str, [done.exception or "", *reasons])))
    return done.result


if __name__ == "__main__":
    main()
