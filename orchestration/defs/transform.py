"""The dbt project as Dagster assets: one `dbt build` of all nodes. Each data test is a check."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from orchestration import paths
from orchestration.defs.resources import BuildResource
from orchestration.defs.step_failures import failure_of
from orchestration.restating.fingerprints import code_hashes, mapping_hashes, seed_hashes
from orchestration.restating.ledger import Settings
from orchestration.restating.watched import watched_reports
from orchestration.serving.provenance import git_sha, software_versions
from orchestration.serving.versions import make_room
from orchestration.settings.engine import engine, is_on_catalog
from orchestration.settings.variables import project_defaults
from orchestration.spark.lakehouse import stopped_change
from orchestration.spark.running import prepare_raw_tables, take_over
from orchestration.telling.failures import Failure, build_failures
from orchestration.warehouse.arguments import build_arguments
from orchestration.warehouse.disk_space import lacking_space
from orchestration.warehouse.fresh_folders import removed_at_start, start_afresh
from orchestration.warehouse.manifest import is_built, left_out_tests
from orchestration.warehouse.parsing import dbt_project, prepare_manifest
from orchestration.warehouse.process import DbtFailedError, dbt_events
from orchestration.warehouse.progress import DbtProgress
from orchestration.warehouse.translator import TenureTranslator
from orchestration.words import first_few_names

_SHOWN_TESTS = 3

_logger = logging.getLogger(__name__)

PROJECT = dbt_project()
MANIFEST: dict[str, Any] = json.loads(prepare_manifest().read_bytes())
TRANSLATOR = TenureTranslator()

raw_tables = [
    TRANSLATOR.get_asset_spec(MANIFEST, unique_id, PROJECT) for unique_id in MANIFEST["sources"]
]


@dbt_assets(manifest=MANIFEST, dagster_dbt_translator=TRANSLATOR, project=PROJECT)
def warehouse(context: dg.AssetExecutionContext, build: BuildResource) -> Iterator[Any]:
    """Build the private warehouse from nothing, and test it.

    Raises dagster.Failure if dbt fails, if the disk is too small, or for a part of the assets.
    """
    if context.selected_asset_keys != set(warehouse.keys):
        raise dg.Failure(
            "The warehouse is built and tested as a whole: launch the job nightly, or all assets."
            " To try a single model, run `dbt build --select` in a terminal."
        )
    lacking = lacking_space(
        paths.home(),
        paths.raw_dir(),
        paths.warehouse(),
        paths.serve() / "current",
        removed_at_start(),
        partial(make_room, paths.serve()),
    )
    if lacking:
        raise failure_of([Failure("guard", "disk space", lacking)], paths.logs())
    target, logs = start_afresh(build.build_id)
    # As dbt reads them now. A person may edit these files while the build runs.
    settings = _settings(build.variables)
    is_on_spark = engine() == "spark"
    if is_on_spark:
        if is_on_catalog() and (stopped := stopped_change(paths.serve())):
            _logger.warning("warning: %s: they follow now, if the catalog has it", stopped)
        _refuse_bad_input(lambda: prepare_raw_tables(build.variables), logs)
    progress = DbtProgress(MANIFEST)
    try:
        with closing(dbt_events(build_arguments(build.variables, target, logs))) as events:
            for event in events:
                progress.observe(event)
                if _is_of_vars(event):
                    continue
                yield from DbtCoreCliEventMessage(event, {}).to_default_asset_events(
                    MANIFEST, TRANSLATOR, context, target, PROJECT
                )
    except DbtFailedError as error:
        built = target / "manifest.json"
        manifest = json.loads(built.read_bytes()) if built.exists() else MANIFEST
        failures = build_failures(target, manifest, str(error))
        raise failure_of(failures, logs / "dbt.log") from None
    finally:
        progress.close()
    _refuse_tests_left_out(target, logs)
    if is_on_spark:
        _refuse_bad_input(lambda: take_over(target), logs)
    build.mark_tested(settings)


def _settings(variables: Mapping[str, Any]) -> Settings:
    return Settings(
        variables=project_defaults() | variables,
        versions=software_versions(),
        code_hashes=code_hashes(MANIFEST, watched_reports(MANIFEST)),
        seed_hashes=seed_hashes(MANIFEST) | mapping_hashes(paths.raw_dir()),
        git_sha=git_sha(),
    )


def _refuse_tests_left_out(target: Path, logs: Path) -> None:
    """Raise dagster.Failure if dbt ended well, but without some of its data tests."""
    manifest, run = (
        json.loads((target / name).read_bytes()) for name in ("manifest.json", "run_results.json")
    )
    if left_out := left_out_tests(manifest, run["results"]):
        message = f"dbt left out {len(left_out)} tests: {first_few_names(left_out, _SHOWN_TESTS)}"
        raise failure_of([Failure("check", "tests", message)], logs / "dbt.log")


def _refuse_bad_input(step: Callable[[], None], logs: Path) -> None:
    """Take a step; raise dagster.Failure with its message if it raises ValueError."""
    try:
        step()
    except ValueError as error:
        raise failure_of([Failure("check", "Spark", str(error))], logs / "dbt.log") from None


def _is_of_vars(event: Mapping[str, Any]) -> bool:
    """Return whether the event is of a node that is no asset: only this run's vars enable it."""
    node = event["data"].get("node_info", {}).get("unique_id")
    return bool(node) and node.startswith(("model.", "test.")) and not is_built(MANIFEST, node)
