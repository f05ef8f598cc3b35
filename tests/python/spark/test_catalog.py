"""What a night asks of a catalog that others use too, tried on a catalog that is a fake."""

import json
import logging
import os
from concurrent.futures import ThreadPoolExecutor

import jinja2
import lakehouse_steps as steps
import pytest
from conftest import ROOT
from fake_catalog import FakeCatalog

from orchestration import paths
from orchestration.spark import __main__ as by_hand
from orchestration.spark import child, lakehouse
from orchestration.spark.lakehouse import database_of, home_mark
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
    said = f"may read two builds, for a change was stopped, and the file is {MONDAY}: ["
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


def test_a_database_that_cannot_be_dropped_is_named_as_what_is_left_to_do(monkeypatch, caplog):
    old = database_of("20261101T000000Z-ff0000")
    session = published(
        MONDAY,
        databases={old: marked()},
        failing={f"drop database {old}": "no right to drop\n\tat"},
    )
    monkeypatch.setattr(lakehouse, "start", lambda: session)
    with caplog.at_level(logging.WARNING):
        lakehouse.serve_published(paths.serve())
    said = "warning: databases of old builds are still in Spark's catalog: no right to drop"
    assert caplog.messages == [said]
    assert lakehouse.stopped_change(paths.serve()) is None


@pytest.mark.parametrize("kind", ["hive", "delta"])
def test_of_old_builds_only_those_of_this_home_are_dropped(kind, monkeypatch):
    monkeypatch.setenv("SPARK_CATALOG", kind)
    session = published(MONDAY)
    lakehouse.keep_build(session, "20261101T000000Z-ff0000", {})
    others = {
        database_of("20261102T000000Z-ff1111"): {"properties": {"tenure_home": "0cc1"}},
        database_of("20261103T000000Z-ff2222"): {"properties": {"made_by": "somebody"}},
    }
    for name, has in others.items():
        session.databases[name] = {"tables": [], "views": [], **has}
    lakehouse.follow(session, paths.serve())
    assert set(session.databases) == {database_of(MONDAY), "serve", *others}


def test_on_iceberg_which_keeps_no_marks_old_builds_are_dropped_by_name(monkeypatch):
    monkeypatch.setenv("SPARK_CATALOG", "iceberg")
    session = published(MONDAY)
    lakehouse.keep_build(session, "20261101T000000Z-ff0000", {})
    lakehouse.follow(session, paths.serve())
    assert set(session.databases) == {database_of(MONDAY), "serve"}


def test_a_first_night_without_views_says_so(monkeypatch, caplog):
    def fails():
        raise RuntimeError("no Java")

    published(MONDAY)
    monkeypatch.setattr(lakehouse, "start", fails)
    with caplog.at_level(logging.WARNING):
        lakehouse.serve_published(paths.serve())
    assert caplog.messages == ["warning: there are no views in serve of Spark's catalog: no Java"]


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


OURS = {"core": ["dim_dates", "dim_customers"], "staging": ["stg_orders"]}


def manifest():
    nodes = {
        f"model.{schema}.{name}": {"schema": schema, "alias": name, "resource_type": "model"}
        for schema, names in OURS.items()
        for name in names
    }
    return {"nodes": nodes, "disabled": {"x": [{"schema": "core", "alias": "rpt_switched_off"}]}}


def marked(*tables, mark=None):
    return {"tables": tables, "properties": {"made_by": "x", "tenure_home": mark or home_mark()}}


def refused(session):
    with pytest.raises(ValueError) as refusal:
        lakehouse.refuse_foreign(session, manifest())
    assert session.statements == []
    return str(refusal.value).splitlines()


def test_a_database_that_nothing_shows_to_be_ours_is_refused_by_name_and_not_dropped():
    foreign = {"core": {"tables": ["dim_dates"]}, "staging": {}, "others": {"tables": ["x"]}}
    session = FakeCatalog(foreign)
    [said] = refused(session)
    assert said.startswith("Spark's catalog has a database core with dim_dates in it")
    # What the sentence says to do lets the night go on.
    assert f"alter database core set dbproperties ('tenure_home' = '{home_mark()}')" in said
    assert said.endswith("nights may drop the database, with its location and its grants.")
    lakehouse.drop_unpublished(session, manifest())
    assert list(session.databases) == ["core", "staging", "others"]
    session.databases["core"]["properties"]["tenure_home"] = home_mark()
    lakehouse.refuse_foreign(session, manifest())


def test_a_schema_of_views_of_somebody_else_is_refused():
    [said] = refused(FakeCatalog({"serve": {"views": ["revenue"]}}))
    assert "a database serve with revenue in it" in said


def test_databases_of_another_home_are_refused():
    of_another = FakeCatalog({"core": marked(mark="0cc1"), "staging": marked("stg_orders")})
    said = refused(of_another)
    assert [line[:40] for line in said] == ["The database core of Spark's catalog bel"]


def test_a_home_of_the_same_path_on_another_machine_is_another_home():
    session = FakeCatalog({"core": marked("dim_dates")})
    paths.catalog_mark().unlink()
    [said] = refused(session)
    assert "core of Spark's catalog belongs to another TENURE_HOME" in said
    lakehouse.drop_unpublished(session, manifest())
    assert session.statements == []


def test_a_home_that_moves_knows_its_databases(home, monkeypatch):
    session = FakeCatalog({"core": marked("dim_dates")})
    monkeypatch.setenv("TENURE_HOME", str(home.rename(home.with_name("moved"))))
    lakehouse.refuse_foreign(session, manifest())
    lakehouse.drop_unpublished(session, manifest())
    assert session.statements == ["drop database core cascade"]


def test_processes_that_ask_at_once_get_one_mark():
    with ThreadPoolExecutor(8) as pool:
        [mark] = set(pool.map(lambda _: home_mark(), range(32)))
    assert len(mark) == 32
    assert paths.catalog_mark().read_text() == mark


def test_what_a_night_of_this_home_has_made_is_dropped_before_the_next_one():
    session = FakeCatalog(
        {"core": marked("dim_dates", "rpt_switched_off"), "staging": marked("stg_orders", "mine")}
    )
    lakehouse.refuse_foreign(session, manifest())
    lakehouse.drop_unpublished(session, manifest())
    # In the other one lies something that is not the project's.
    assert session.statements == ["drop database core cascade"]


def test_databases_of_earlier_releases_are_built_into_and_stay():
    """They have no mark; but this home has published there, and they hold nothing else."""
    earlier = {"core": {"tables": ["dim_dates"]}, "serve": {"views": ["builds"]}}
    session = published(MONDAY, databases=earlier)
    lakehouse.refuse_foreign(session, manifest())
    lakehouse.drop_unpublished(session, manifest())
    assert session.statements == []
    session.databases["core"]["tables"].append("theirs")
    [said] = refused(session)
    assert "a database core with dim_dates in it" in said


def test_on_iceberg_only_the_views_are_looked_at(monkeypatch):
    monkeypatch.setenv("SPARK_CATALOG", "iceberg")
    core = {"core": {"tables": ["dim_dates"]}}
    lakehouse.refuse_foreign(FakeCatalog(core), manifest())
    [said] = refused(FakeCatalog(core | {"serve": {"views": ["revenue"]}}))
    assert "a database serve" in said


def test_a_night_is_refused_before_anything_changes(capsys):
    (paths.parsed() / "manifest.json").write_text(json.dumps(manifest()))
    session = FakeCatalog({"core": {"tables": ["theirs"]}, "staging": marked("stg_orders")})
    with pytest.raises(ValueError, match="a database core with theirs in it"):
        child._begin(session)
    assert session.statements == []


@pytest.mark.parametrize("kind", ["hive", "in-memory"])
def test_a_command_by_hand_is_refused_where_a_night_would_be(kind, monkeypatch, capsys):
    session = FakeCatalog({"core": {"tables": ["theirs"]}})

    def parse():
        (paths.parsed() / "manifest.json").write_text(json.dumps(manifest()))

    def run_dbt(arguments, first):
        first(session)
        return True

    monkeypatch.setenv("SPARK_CATALOG", kind)
    monkeypatch.setattr("orchestration.warehouse.parsing.prepare_manifest", parse)
    monkeypatch.setattr(by_hand, "require_spark", lambda: None)
    monkeypatch.setattr(by_hand, "prepare_raw_tables", lambda variables: None)
    monkeypatch.setattr(by_hand, "run_dbt", run_dbt)
    monkeypatch.setattr("sys.argv", ["orchestration.spark", "build"])
    code = by_hand.main()
    if kind == "hive":
        assert code == 2
        assert "Spark's catalog has a database core with theirs in it" in capsys.readouterr().out
    else:
        # Nobody else sees this catalog.
        assert code == 0
    assert session.statements == []


@pytest.mark.parametrize("kind", ["hive", "delta", "iceberg"])
def test_databases_of_the_views_and_of_dbt_get_the_mark_where_it_can_be_kept(kind, monkeypatch):
    monkeypatch.setenv("SPARK_CATALOG", kind)
    session = published(MONDAY)
    lakehouse.follow(session, paths.serve())
    monkeypatch.setattr(os, "environ", dict(os.environ))
    lakehouse.tell_mark()
    of_dbt = {
        "env_var": lambda name, *default: os.environ.get(name, *default),
        "statement": lambda name, caller: caller(),
    }
    text = (ROOT / "macros/engine/databases.sql").read_text()
    macros = jinja2.Environment().from_string(text, globals=of_dbt).module
    made = " ".join(macros.spark__create_schema("core").split())
    expected = {"tenure_home": home_mark()} if kind != "iceberg" else {}
    assert session.databases["serve"]["properties"] == expected
    session.sql(made.replace("schema", "database"))
    assert session.databases["core"]["properties"] == expected
