"""The dbt command line, as pure functions."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestration import paths
from orchestration.settings.engine import engine

# The targets of profiles.yml that build, by the engine.
TARGETS = {"duckdb": "private", "spark": "spark"}


def build_arguments(variables: Mapping[str, Any], target: Path, logs: Path) -> list[str]:
    """Return the arguments of the nightly build: every seed, model and data test.

    `variables` are the vars of this run only, already validated. dbt writes compiled SQL and
    results into `target` and its log into `logs`. Unit tests check the code and not tonight's data,
    so they stay out.
    """
    # A target that a person has chosen for other work (DBT_TARGET) is not for the night.
    arguments = [
        "build",
        "--target",
        TARGETS[engine()],
        "--exclude-resource-type",
        "unit_test",
        *_common(target, logs),
    ]
    # A changed `--vars` makes dbt parse the whole project again. So it is left out when empty.
    if variables:
        arguments += ["--vars", json.dumps(dict(variables), sort_keys=True)]
    return arguments


def parse_arguments(target: Path) -> list[str]:
    """Return the arguments that write manifest.json into `target` without touching a database.

    All files are parsed. When dbt parses only the changed files, it loses the YAML of singular
    tests, and Dagster no longer knows which asset they check.
    """
    return [
        "parse",
        "--target",
        TARGETS[engine()],
        "--no-partial-parse",
        *_common(target, logs=target),
    ]


def semantic_arguments(variables: Mapping[str, Any], target: Path) -> list[str]:
    """Return the arguments that write semantic_manifest.json into `target`, for the published file.

    `variables` are the vars of the build that was published. Its tables are in the catalog of the
    profile's target `served`.
    """
    arguments = ["parse", "--target", "served", *_common(target, logs=target)]
    return [*arguments, "--vars", json.dumps(dict(variables), sort_keys=True)]


def _common(target: Path, logs: Path) -> list[str]:
    # On stdout one JSON event a line, for this program; in dbt.log plain text for people. There the
    # level debug, with each statement, would take a tenth of the sample's CPU time.
    return [
        *("--log-format", "json", "--log-format-file", "text", "--log-level-file", "info"),
        *("--no-use-colors", "--no-use-colors-file"),
        *("--target-path", str(target), "--log-path", str(logs)),
        *("--project-dir", str(paths.ROOT), "--profiles-dir", str(paths.ROOT)),
    ]
