"""Each export by itself: all marts equal those of the same rows in the raw contract, key by key.

Alone in a landing zone a system has no prefix, so even the ids are the same.
"""

import shutil

import pytest
from conftest import ROOT
from raw.export_zones import EXPORTS, copy_export, fill

from comparison import compare
from comparison.keys import published_keys

pytestmark = pytest.mark.torture

# meta tells of files, which differ.
SCHEMAS = ("core", "cohorts", "churn", "clv", "journey", "plays")


@pytest.mark.parametrize("folder", EXPORTS, ids=lambda folder: folder.name)
def test_all_marts_are_those_of_the_contract(folder, warehouse, tmp_path):
    writers = {
        "export": lambda raw_dir: copy_export(folder, raw_dir),
        "contract": lambda raw_dir: shutil.copytree(
            folder / "contract", raw_dir, dirs_exist_ok=True
        ),
    }
    for name, write in writers.items():
        # The rates of the fixture make a second source of files, and so a prefix.
        variables = {"id_prefixes": {folder.name: ""}}
        fill(warehouse, write, "run", variables=variables)
        shutil.copy(warehouse.file, tmp_path / f"{name}.duckdb")
    files = (tmp_path / "export.duckdb", tmp_path / "contract.duckdb")
    assert compare(*files, published_keys(ROOT), schemas=SCHEMAS) == []
