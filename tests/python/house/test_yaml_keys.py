"""The keys of all YAML files are keys that dbt knows.

dbt checks them only for the four adapters of its own makers, and for DuckDB it checks nothing: a
misspelt `materialized` gives a view, without a word. Here dbt parses the project as if DuckDB were
one of the four. Keys of our own are under `config.meta`.
"""

import os
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

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


# A project with nothing else. It has our dbt_project.yml, and is parsed as ours is.
TINY = {
    "models/one.sql": "select 1 as number",
    "models/one.yml": "models: [{name: one, config: {materialized: table}}]",
    "tests/data/one__is_one.sql": "select 1 from {{ ref('one') }} where number <> 1",
    "tests/data/properties.yml": "data_tests: [{name: one__is_one, description: It is one.}]",
}


@pytest.fixture
def tiny(tmp_path):
    project = tmp_path / "project"
    for file, text in TINY.items():
        (project / file).parent.mkdir(parents=True, exist_ok=True)
        (project / file).write_text(text, encoding="utf-8")
    for file in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(ROOT / file, project)
    return project


@pytest.mark.parametrize(
    "file, right, wrong",
    [
        ("models/one.yml", "materialized:", "materialised:"),
        ("tests/data/properties.yml", "description:", "descriptoin:"),
    ],
)
def test_a_misspelt_key_is_found(tiny, tmp_path, file, right, wrong):
    assert TINY[file].count(right) == 1
    (tiny / file).write_text(TINY[file].replace(right, wrong), encoding="utf-8")
    parsed = parse_strictly(tiny, tmp_path)
    assert parsed.returncode != 0
    assert wrong.removesuffix(":") in parsed.stderr


def test_the_tiny_project_has_no_other_fault(tiny, tmp_path):
    parsed = parse_strictly(tiny, tmp_path)
    assert parsed.returncode == 0, parsed.stderr
