"""What a night asks of a catalog that others use too, tried on a catalog that is a fake."""

import json
import logging

import lakehouse_steps as steps
import pytest
from fake_catalog import FakeCatalog

from orchestration import paths
from orchestration.spark import child, lakehouse
from orchestration.spark.lakehouse import database_of
from orchestration.warehouse.progress import DbtProgress

MONDAY, TUESDAY = "20261123T020000Z-aa1111", "20261124T020000Z-bb2222"
REFUSED = "[EXPECT_VIEW_NOT_TABLE] `serve`.`customers` is a table\n\tat org.apache.Spark\n\tat java"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    monkeypatch.setenv("TENURE_ENGINE", "spark")
    monkeypatch.setenv("SPARK_CATALOG", "hive")
    paths.parsed().mkdir(parents=True)
    (paths.parsed() / "manifest.json").write_text(json.dumps({"nodes": {}, "disabled": {}}))
    return tmp_path


def published(build_id, **others):
    """A catalog with a build of two tables that the file serves."""
    steps.write_version(paths.serve(), build_id)
    build = {"tables": ["builds", "customers"]}
    return FakeCatalog({database_of(build_id): build, **others.pop("databases", {})}, **others)


def test_a_view_that_cannot_be_changed_is_a_warning_of_the_next_nights(capsys, monkeypatch, caplog):
    session = published(
        MONDAY,
        databases={"serve": {"tables": ["customers"]}},
        failing={"view serve.customers": REFUSED},
    )
    (paths.serve() / ".views").write_text("")
    child._begin(session)
    [line] = capsys.readouterr().out.splitlines()
    event = json.loads(line)
    assert event["info"]["level"] == "warn" and event["data"] == {}
    said = f"may read two builds, for a change was stopped, and the file is {MONDAY}, and still"
    assert said in event["info"]["msg"]
    assert event["info"]["msg"].endswith("`serve`.`customers` is a table")
    with caplog.at_level(logging.WARNING):
        DbtProgress({"nodes": {}}).observe(event)
    assert f"warning: the views in serve of Spark's catalog {said}" in caplog.text
    # The night goes on, and tries again after it has published.
    monkeypatch.setattr(lakehouse, "start", lambda: session)
    with caplog.at_level(logging.WARNING):
        lakehouse.serve_published(paths.serve())
    assert "is a table" in caplog.text
    session.failing.clear()
    lakehouse.serve_published(paths.serve())
    assert lakehouse.viewed_build(paths.serve()) == MONDAY


@pytest.mark.parametrize(
    ("kind", "change"),
    [("hive", "alter view"), ("delta", "alter view"), ("iceberg", "create or replace view")],
)
def test_a_view_changes_by_the_statement_that_is_one_step_in_its_catalog(kind, change, monkeypatch):
    monkeypatch.setenv("SPARK_CATALOG", kind)
    session = published(MONDAY, databases={"serve": {"views": ["builds", "rpt_old"]}})
    lakehouse.follow(session, paths.serve())
    database = database_of(MONDAY)
    assert session.statements[-3:] == [
        "drop view serve.rpt_old",
        f"create view serve.customers as select * from {database}.customers",
        f"{change} serve.builds as select * from {database}.builds",
    ]
