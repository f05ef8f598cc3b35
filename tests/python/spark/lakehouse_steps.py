"""Steps on a metastore of Hive, taken in a process of their own: test_lakehouse calls them.

Only one process at a time can open such a metastore, and only one session can be in a process.
"""

import contextlib
import io
import json
import os
import signal
import sys
import threading
from datetime import date, datetime
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlparse

import duckdb

from orchestration import paths, rollback
from orchestration.serving.history import Build
from orchestration.serving.publish import publish as publish_file
from orchestration.serving.versions import new_version, serve_version
from orchestration.spark import lakehouse
from orchestration.spark.handover import make_warehouse
from orchestration.spark.session import start


def open_home(home, variables):
    """What a process begins with."""
    os.environ.update(variables, TENURE_HOME=str(home))
    paths.scratch().mkdir(parents=True, exist_ok=True)


def forget_everything():
    """Databases and views, so that a test begins with none."""
    for [database] in start().sql("show databases").collect():
        if database in (lakehouse.VIEWS, "core", "staging") or database.startswith("tenure"):
            start().sql(f"drop database {database} cascade")


def publish(serve, build_id, queries):
    """Publish the results of queries, as a night does: the database, the file, the views."""
    keep(serve, build_id, queries)
    lakehouse.follow(start(), serve)


def failing(step, *arguments):
    """The text of a step's error: errors of Spark cannot leave this process."""
    try:
        step(*arguments)
    except Exception as error:
        return str(error)
    raise AssertionError("no error")


def publish_built(build_id, started_at):
    """Publish what dbt has built in this home, by the steps of a night."""
    manifest = json.loads((paths.home() / "target/manifest.json").read_bytes())
    results = json.loads((paths.home() / "target/run_results.json").read_bytes())["results"]
    built = {result["unique_id"] for result in results}
    manifest["nodes"] = {name: node for name, node in manifest["nodes"].items() if name in built}
    target, warehouse, scratch = paths.home() / "target", paths.warehouse(), paths.scratch()
    make_warehouse(manifest, target, paths.spark(), warehouse, scratch)
    publish_file(
        Build(build_id, started_at, None, {}, {}),
        manifest,
        warehouse=warehouse,
        serve=paths.serve(),
        scratch=scratch,
        keep_too=partial(lakehouse.keep_published, build_id, manifest),
    )
    lakehouse.serve_published(paths.serve())


def keep(serve, build_id, queries):
    """Publish the database and the file, and no views."""
    session = start()
    tables = {name: session.sql(query) for name, query in queries.items()}
    write_version(serve, build_id, lambda: lakehouse.keep_build(session, build_id, tables))


def write_version(serve, build_id, keep_too=lambda: None):
    """Publish a file that names its build."""
    with new_version(serve, build_id) as folder:
        with duckdb.connect(folder / "tenure.duckdb") as connection:
            connection.execute(
                "create schema meta; create table meta.builds as select"
                " $name as build_id, $day as as_of, $moment as finished_at, true as is_current",
                {"name": build_id, "day": date(2026, 11, 21), "moment": datetime(2026, 11, 21, 2)},
            )
        keep_too()


def of_project(models, switched_off=()):
    """The manifest of a project with these models, schema.name."""
    nodes, disabled = (
        {
            name: dict(zip(("schema", "alias"), name.split("."), strict=True))
            | {"resource_type": "model"}
            for name in names
        }
        for names in (models, switched_off)
    )
    return {"nodes": nodes, "disabled": {name: [node] for name, node in disabled.items()}}


def refuse(models):
    """What the next night does before anything else."""
    lakehouse.refuse_foreign(start(), of_project(models))


def drop_unpublished(models, switched_off):
    """What the next night does then."""
    lakehouse.drop_unpublished(start(), of_project(models, switched_off))


def create(database):
    start().sql(f"create database {database}")


def create_marked(database):
    """Make a database as dbt does in a night of this home."""
    mark = f"'{lakehouse.MARK}' = '{lakehouse.home_mark()}'"
    start().sql(f"create database {database} with dbproperties ({mark})")


def folder_of(database):
    [place] = [
        row.info_value
        for row in start().sql(f"describe database {database}").collect()
        if row.info_name == "Location"
    ]
    return unquote(urlparse(place).path)


def finish():
    """What the next night does first."""
    lakehouse.finish_stopped_change(start())


def publish_and_die(serve, build_id, queries, view):
    """Publish, but let this process be killed before it changes one of the views."""
    session = start()

    class Deadly:
        catalog = session.catalog

        def sql(self, statement):
            if f"view {lakehouse.VIEWS}.{view} " in statement:
                os.kill(os.getpid(), signal.SIGKILL)
            return session.sql(statement)

    keep(serve, build_id, queries)
    lakehouse.follow(Deadly(), serve)


def rows(query):
    return [tuple(row) for row in start().sql(query).collect()]


def databases():
    return sorted(row[0] for row in start().sql("show databases").collect())


def views():
    """The first row that each view has, by the name of the view."""
    session = start()
    names = [row.viewName for row in session.sql(f"show views in {lakehouse.VIEWS}").collect()]
    return {name: rows(f"select * from {lakehouse.VIEWS}.{name}")[0] for name in names}


def run(statement):
    start().sql(statement)


def read_while_views_change(serve, builds, view):
    """Publish one build after the other while another thread reads a view; what it read."""
    found, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            try:
                found.append(rows(f"select * from {lakehouse.VIEWS}.{view}"))
            except Exception as error:
                found.append(str(error))

    reader = threading.Thread(target=read)
    reader.start()
    for build_id in builds:
        serve_version(serve, build_id)
        lakehouse.follow(start(), serve)
    stop.set()
    reader.join()
    return found


def go_back(serve, *arguments):
    """`make rollback`: its exit code, and what it printed."""
    printed = io.StringIO()
    given, os.environ["TENURE_HOME"] = os.environ["TENURE_HOME"], str(Path(serve).parent)
    sys.argv = ["rollback", *arguments]
    with contextlib.redirect_stdout(printed):
        code = rollback.main()
    os.environ["TENURE_HOME"] = given
    return code, printed.getvalue()
