"""The worked examples of all models below staging, on Spark.

Those of staging and of the systems give records as DuckDB reads them from files: they stay there.
dbt compares every digit of a double. Java's powers and logarithms may end in another one.
"""

import re

import pytest
from both_engines import TOLERANCE
from conftest import ROOT, SAMPLE

pytestmark = [pytest.mark.spark, pytest.mark.torture]
# Joins of fixtures with one row each run into an assertion of this rule (Spark 4.3). It reorders
# joins, and changes no result.
REORDER_JOIN = "org.apache.spark.sql.catalyst.optimizer.ReorderJoin"
BELOW_STAGING = ("test_type:unit,path:models/intermediate", "test_type:unit,path:models/marts")


@pytest.fixture(scope="module")
def results(spark, tmp_path_factory):
    """The result of each unit test by its id, after a build of the sample without tests."""
    from dbt.cli.main import dbtRunner

    from orchestration import paths
    from orchestration.spark.adapter import adapt
    from orchestration.spark.raw_tables import register, tables_below
    from orchestration.spark.running import prepare_raw_tables

    folder = tmp_path_factory.mktemp("unit_tests")
    flags = [
        *("--target", "spark", "--quiet", "--log-level-file", "none", "--no-partial-parse"),
        *("--project-dir", str(ROOT), "--profiles-dir", str(ROOT)),
        *("--target-path", str(folder / "target"), "--log-path", str(folder / "logs")),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENURE_HOME", str(folder))
        patch.setenv("TENURE_RAW_DIR", str(SAMPLE))
        patch.setenv("TENURE_ENGINE", "spark")
        prepare_raw_tables({})
        raw = paths.spark() / "raw"
        register(spark, raw, tables_below(raw))
        adapt()
        build = ["build", "--exclude-resource-type", "test", "unit_test"]
        built = dbtRunner().invoke([*build, *flags])
        assert built.success, built.exception or [row.message for row in built.result.results]
        spark.conf.set("spark.sql.optimizer.excludedRules", REORDER_JOIN)
        tested = dbtRunner().invoke(["test", *flags, "--select", *BELOW_STAGING])
        spark.conf.unset("spark.sql.optimizer.excludedRules")
    return {row.node.unique_id: row for row in tested.result.results}


def last_digits_only(message):
    """Whether the rows that dbt shows differ by the last digits of numbers, and by nothing else."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", message)
    pairs = re.findall(r"([^,\s]+)→([^,\s]+)", text)
    if not pairs or re.search(r"^(\+\+\+|---)", text, re.MULTILINE):
        return False
    try:
        return all(float(was) == pytest.approx(float(now), rel=TOLERANCE) for was, now in pairs)
    except ValueError:
        return False


def test_every_worked_example_below_staging_holds_on_spark(results, manifest):
    below = {
        unique_id
        for unique_id, test in manifest["unit_tests"].items()
        if test["original_file_path"].startswith(("models/intermediate", "models/marts"))
    }
    assert results.keys() == below
    assert len(below) > 400
    failed = {
        name: row.message
        for name, row in results.items()
        if row.status != "pass" and not (row.status == "fail" and last_digits_only(row.message))
    }
    assert failed == {}


@pytest.mark.parametrize(
    "message, is_noise",
    [
        ("→,all,0.012521129749209154→0.012521129749209152,14.0", True),
        ("→,all,0.0125→0.0126,14.0", False),
        ("→,all,active→lost,0.1", False),
        ("→,0.10000000000000001→0.1\n+++,all,0.1", False),
        ("Spark failed", False),
    ],
)
def test_noise_is_told_from_a_difference(message, is_noise):
    assert last_digits_only(message) == is_noise
