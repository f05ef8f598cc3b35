"""The worked examples of all models below staging, on Spark.

Those of staging and of the systems give records as DuckDB reads them from files: they stay there.
"""

import json
from collections import Counter

import pytest
from builds import run_on_spark
from conftest import SAMPLE

pytestmark = [pytest.mark.spark, pytest.mark.torture]


def test_every_unit_test_below_staging_holds_on_spark(needs_spark, manifest, tmp_path):
    below = {
        unique_id
        for unique_id, test in manifest["unit_tests"].items()
        if test["original_file_path"].startswith(("models/intermediate", "models/marts"))
    }
    run_on_spark(
        *(SAMPLE, tmp_path, {}, "build", "--exclude-resource-type", "test"),
        *("--exclude", "test_type:unit,path:models/staging"),
    )
    results = json.loads((tmp_path / "target/run_results.json").read_bytes())["results"]
    found = {row["unique_id"]: row for row in results if row["unique_id"] in below}
    assert len(found) == len(below) > 400
    failed = [f"{name}: {row['message']}" for name, row in found.items() if row["status"] != "pass"]
    assert not failed, Counter(row["status"] for row in found.values()) | {"failed": failed}
