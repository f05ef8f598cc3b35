"""Each export by itself: all marts equal those of the same rows in the raw contract, key by key.

Alone in a landing zone a system has no prefix, so even the ids are the same.
"""

import shutil

import pytest
from conftest import ROOT, run_build
from raw.export_zones import EXPORTS, RATES, copy_export

from comparison import compare
from comparison.keys import published_keys

pytestmark = pytest.mark.torture

# meta tells of files, which differ.
SCHEMAS = ("core", "cohorts", "churn", "clv")


@pytest.mark.parametrize("folder", EXPORTS, ids=lambda folder: folder.name)
def test_all_marts_are_those_of_the_contract(folder, new_home, tmp_path):
    published = []
    for name in ("export", "contract"):
        raw_dir = tmp_path / name
        if name == "export":
            copy_export(folder, raw_dir)
        else:
            shutil.copytree(folder / "contract", raw_dir)
        (raw_dir / "exchange_rates").mkdir(exist_ok=True)
        (raw_dir / "exchange_rates/rates.csv").write_text(RATES, encoding="utf-8")
        home = new_home()
        done = run_build(raw_dir, home, {"id_prefixes": {folder.name: ""}})
        assert done.returncode == 0, done.stdout + done.stderr
        published.append(home / "serve/current/tenure.duckdb")
    assert compare(*published, published_keys(ROOT), schemas=SCHEMAS) == []
