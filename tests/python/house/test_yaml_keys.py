"""The keys of all YAML files are keys that dbt knows.

dbt checks them only for the four adapters of its own makers, and for DuckDB it checks nothing: a
misspelt `materialized` gives a view, without a word. Here dbt parses the project as if DuckDB were
one of the four. Keys of our own are under `config.meta`.
"""

import os
import subprocess
import sys

import pytest
from conftest import ROOT, project_copy

PARSE = """
import sys
from dbt.jsonschemas import jsonschemas
from dbt.cli.main import dbtRunner

jsonschemas._JSONSCHEMA_SUPPORTED_ADAPTERS.add("duckdb")
done = dbtRunner().invoke(["parse", "--no-partial-parse", *sys.argv[1:]])
sys.exit(str(done.exception) if done.exception else not done.success)
"""


def parse_strictly(project, scratch):
    """Parse in another process, since the change of dbt would outlast the test in this one."""
    return subprocess.run(
        [
            *(sys.executable, "-c", PARSE, "--project-dir", project, "--profiles-dir", project),
            *("--target-path", scratch / "target", "--log-path", scratch / "logs"),
        ],
        cwd=scratch,
        env={**os.environ, "TENURE_HOME": str(scratch)},
        capture_output=True,
        text=True,
    )


def test_dbt_knows_every_key(tmp_path):
    parsed = parse_strictly(ROOT, tmp_path)
    assert parsed.returncode == 0, parsed.stderr


@pytest.mark.parametrize(
    "file, right, wrong",
    [
        ("models/staging/stg_source_files.yml", "materialized:", "materialised:"),
        ("tests/data/properties.yml", "description:", "descriptoin:"),
    ],
)
def test_a_misspelt_key_is_found(tmp_path, file, right, wrong):
    project = project_copy(tmp_path / "project")
    text = (project / file).read_text(encoding="utf-8")
    assert right in text
    (project / file).write_text(text.replace(right, wrong, 1), encoding="utf-8")
    parsed = parse_strictly(project, tmp_path)
    assert parsed.returncode != 0
    assert wrong.removesuffix(":") in parsed.stderr
