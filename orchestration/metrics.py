"""MetricFlow over the published file: `.venv/bin/mf query --metrics mrr`, once `make metrics` ran.

The arguments are those of MetricFlow's own command. That command alone would open the private
warehouse for writing, in the way of the nightly build. It would ask the package index for newer
versions at every start. And it would keep its state in the common folder of temporary files.
"""

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import duckdb

from orchestration import paths
from orchestration.runs.lock import wait_for_lock
from orchestration.serving.published import served_file
from orchestration.warehouse.arguments import semantic_arguments
from orchestration.warehouse.parsing import project_fingerprint
from orchestration.warehouse.process import DbtFailedError, dbt_events


def main() -> int:
    """Run MetricFlow with the arguments of this process; return the exit code of a refusal."""
    if find_spec("dbt_metricflow") is None:
        print("MetricFlow is not installed. Run: make metrics", file=sys.stderr)
        return 1
    file, folder = served_file(paths.serve()), paths.metrics()
    if not {"--help", "--version"} & {*sys.argv}:
        if not file.exists():
            print(f"Nothing is published in {paths.serve()}. Run: make build", file=sys.stderr)
            return 1
        try:
            prepare_semantic_manifest(file, folder)
        except (DbtFailedError, duckdb.Error) as error:
            print(error, file=sys.stderr)
            return 1
    os.environ |= {
        # A relative folder starts where the command was called.
        "TENURE_HOME": str(paths.home()),
        "DBT_PROJECT_DIR": str(folder),
        "DBT_PROFILES_DIR": str(paths.ROOT),
        "DBT_TARGET": "served",
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }
    sys.modules["update_checker"] = _no_update_checker()
    from dbt_metricflow.cli.main import cli

    cli(prog_name="mf")
    return 0


def prepare_semantic_manifest(file: Path, folder: Path) -> None:
    """Make `folder` a dbt project that MetricFlow can read, with the metrics of the published file.

    Some metrics depend on vars, such as gross_margin. They get the vars of the build in `file`. The
    project is parsed only if its files or these vars have changed since the last call. Raises
    DbtFailedError if it does not parse, and duckdb.Error if `file` cannot be read.
    """
    with duckdb.connect(str(file), read_only=True) as connection:
        [(variables,)] = connection.execute(
            "select vars from meta.builds where is_current"
        ).fetchall()
    target, stamp = folder / "target", folder / "fingerprint"
    with wait_for_lock(folder / "lock"):
        fingerprint = f"{project_fingerprint()} {variables}"
        if stamp.exists() and stamp.read_text(encoding="utf-8") == fingerprint:
            return
        stamp.unlink(missing_ok=True)
        # MetricFlow looks for target/semantic_manifest.json beside a dbt_project.yml.
        (folder / "dbt_project.yml").write_text(
            "name: tenure\nversion: 1.0.0\nprofile: tenure\n", encoding="utf-8"
        )
        for _ in dbt_events(semantic_arguments(json.loads(variables), target)):
            pass
        stamp.write_text(fingerprint, encoding="utf-8")


def _no_update_checker() -> ModuleType:
    """Return a stand-in for the module update_checker, which finds no newer version."""

    class UpdateChecker:
        def check(self, *_: str) -> None:
            return None

    module = ModuleType("update_checker")
    module.UpdateChecker = UpdateChecker  # type: ignore[attr-defined]
    return module


if __name__ == "__main__":
    sys.exit(main())
