"""The dbt command line, as pure functions."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestration import paths


def build_arguments(variables: Mapping[str, Any], target: Path, logs: Path) -> list[str]:
    """Return the arguments of the nightly build: every seed, model and data test.

    `variables` are the vars given for this run only; they have been validated. Without any,
    `--vars` is left out, since dbt parses the whole project again when they change. Unit tests
    test the code, not tonight's data, so they stay out.
    """
    arguments = ["build", "--exclude-resource-type", "unit_test", *_common(target, logs)]
    if variables:
        arguments += ["--vars", json.dumps(dict(variables), sort_keys=True)]
    return arguments


def parse_arguments(target: Path) -> list[str]:
    """Return the arguments that write manifest.json into `target` without touching a database.

    All files are parsed: from changed files only, dbt drops what YAML says of singular tests, and
    Dagster no longer knows which asset they check.
    """
    return ["parse", "--no-partial-parse", *_common(target, logs=target)]


def _common(target: Path, logs: Path) -> list[str]:
    # One JSON event a line on stdout for us; plain text in dbt.log for people.
    return [
        *("--log-format", "json", "--log-format-file", "text"),
        *("--no-use-colors", "--no-use-colors-file"),
        *("--target-path", str(target), "--log-path", str(logs)),
        *("--project-dir", str(paths.ROOT), "--profiles-dir", str(paths.ROOT)),
    ]
