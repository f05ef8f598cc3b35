"""No number depends on where an engine puts NULLs: DuckDB last, Spark first.

The sample and twenty random shops are built by DuckDB in either order.
"""

import subprocess
import sys

import pytest
from conftest import ROOT, SAMPLE, project_copy
from shops.__main__ import write_random_shop

from comparison import compare
from comparison.keys import published_keys

pytestmark = pytest.mark.torture
SHOPS = 20
ORDER = "default_null_order: nulls_first_on_asc_last_on_desc"


def build(project, folder, zones):
    command = [sys.executable, "-m", "comparison.build", "--project", project, "--out", folder]
    subprocess.run([*command, *zones], cwd=project, check=True)


def test_no_number_depends_on_the_order_of_nulls(tmp_path):
    (tmp_path / "shops/sample").mkdir(parents=True)
    (tmp_path / "shops/sample/raw").symlink_to(SAMPLE)
    for number in range(SHOPS):
        write_random_shop(tmp_path / "shops", number)
    zones = sorted((tmp_path / "shops").iterdir())
    project = project_copy(tmp_path / "project")
    profiles = project / "profiles.yml"
    given = profiles.read_text(encoding="utf-8")
    changed = given.replace("config_options:\n", f"config_options:\n        {ORDER}\n", 1)
    assert changed != given
    profiles.write_text(changed, encoding="utf-8")
    build(ROOT, tmp_path / "last", zones)
    build(project, tmp_path / "first", zones)
    found = [
        f"{zone.name}: {difference}"
        for zone in zones
        for difference in compare(
            *(tmp_path / order / f"{zone.name}.duckdb" for order in ("last", "first")),
            published_keys(ROOT),
        )
    ]
    assert found == []
