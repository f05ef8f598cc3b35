"""What is published, for readers who sit on the catalog of Spark and not on the DuckDB file.

    tenure_<build id>   a database with the tables of one build, which never change
    serve               one view per table, on the database of the build that readers get

A catalog changes one name at a time. So each view goes from build to build in one step, but the set
of views does not: for some seconds, two views may read two builds. The file serve/.views says which
build all views read. It is empty while they change, so that a stopped change is seen.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration import paths
from orchestration.runs.durable import flush_to_disk
from orchestration.serving.history import tables_of_history
from orchestration.serving.versions import (
    UnknownVersionError,
    complete_versions,
    current_build,
    flipping,
    serve_version,
)
from orchestration.settings.engine import catalog, is_on_catalog
from orchestration.spark.session import start
from orchestration.warehouse.manifest import Manifest, marts

if TYPE_CHECKING:
    import duckdb
    from pyspark.sql import DataFrame, SparkSession

VIEWS = "serve"
# Readers take its new build for a sign that all other views have theirs.
LAST = "builds"
NOTE = ".views"
_OURS = re.compile(r"tenure_\d{8}t\d{6}z_[0-9a-f]+")

_logger = logging.getLogger(__name__)


def database_of(build_id: str) -> str:
    """Return the database with the tables of a build: tenure_20261121t221530z_ab12cd."""
    return f"tenure_{build_id.replace('-', '_').lower()}"


def keep_published(
    build_id: str, manifest: Manifest, connection: duckdb.DuckDBPyConnection
) -> None:
    """Write all that is published into the database of the build: marts, their views, and history.

    The marts come from Spark's own tables, of which the private warehouse was made. `connection`
    uses the new DuckDB file, which alone knows the history. Any error leaves no database.
    """
    session = start()
    tables = {
        node["name"]: session.table(f"{node['schema']}.{node['name']}") for node in marts(manifest)
    }
    for name, rows in tables_of_history(connection).items():
        tables[name] = session.createDataFrame(rows)
    keep_build(session, build_id, tables)


def keep_build(session: SparkSession, build_id: str, tables: Mapping[str, DataFrame]) -> None:
    """Write `tables` by name into the database of a build. Any error leaves no database."""
    database = database_of(build_id)
    kind = catalog() if catalog() in ("iceberg", "delta") else "parquet"
    session.sql(f"create database {database}")
    try:
        for name, rows in tables.items():
            rows.write.format(kind).saveAsTable(f"{database}.{name}")
    except BaseException:
        session.sql(f"drop database {database} cascade")
        raise


def serve_published(serve: Path) -> None:
    """Let the views read the build that the file serves, after it was published.

    An error is a warning, for the file is published already: the next night sees that the change
    was stopped, and `make check-published` fails until then.
    """
    try:
        follow(start(), serve)
    except Exception as error:
        _logger.warning("warning: %s: %s", stopped_change(serve), first_line(error))


def follow(session: SparkSession, serve: Path) -> None:
    """Let all views read the build that the file under `serve` serves; drop what is too old.

    Views of tables that the build does not have are dropped, and so are the databases of builds
    that no longer are versions on disk. A build without a database, which another engine has made,
    leaves everything as it is.
    """
    # A rollback and a night must not change the views at the same time.
    with flipping(serve):
        build_id = current_build(serve)
        if build_id is None or not session.catalog.databaseExists(database_of(build_id)):
            return
        _note(serve, "")
        _change_views(session, database_of(build_id))
        _note(serve, build_id)
        versions = {database_of(version.name) for version in complete_versions(serve)}
        for [database] in session.sql("show databases like 'tenure_*'").collect():
            if _OURS.fullmatch(database) and database not in versions:
                session.sql(f"drop database {database} cascade")


def roll_back(serve: Path, build_id: str) -> None:
    """Serve a version on disk again, to readers of the file and, if there are any, of the views.

    Raises UnknownVersionError if it is not on disk, and ValueError if the views cannot follow: then
    nothing was changed. What fails after that is a warning, as in `serve_published`.
    """
    if viewed_build(serve) is None:
        serve_version(serve, build_id)
        return
    if not is_on_catalog():
        raise ValueError(
            f"the views in {VIEWS} of Spark's catalog must go back too. Set TENURE_ENGINE=spark and"
            f" SPARK_CATALOG as the nights have them, or delete {serve / NOTE} if nobody reads the"
            " views any more."
        )
    if build_id not in [version.name for version in complete_versions(serve)]:
        raise UnknownVersionError(build_id)
    try:
        is_there = start().catalog.databaseExists(database_of(build_id))
    except Exception as error:
        raise ValueError(f"Spark's catalog cannot be read: {first_line(error)}") from error
    if not is_there:
        raise ValueError(
            f"Spark's catalog has no database {database_of(build_id)}: that build was not made with"
            " this catalog."
        )
    serve_version(serve, build_id)
    serve_published(serve)


def viewed_build(serve: Path) -> str | None:
    """Return the build that all views read: "" if they may read several, None without views."""
    note = serve / NOTE
    return note.read_text(encoding="utf-8") if note.exists() else None


def stopped_change(serve: Path) -> str | None:
    """Return a line if the views do not read the build of the file, else None."""
    viewed, current = viewed_build(serve), current_build(serve)
    if viewed in (None, current):
        return None
    read = f"read {viewed}" if viewed else "may read two builds, for a change was stopped"
    return f"the views in {VIEWS} of Spark's catalog {read}, and the file is {current}"


def finish_stopped_change(session: SparkSession) -> None:
    """Finish what an earlier night or a rollback has begun: the views read what the file is."""
    if stopped_change(paths.serve()):
        follow(session, paths.serve())


def drop_unpublished(session: SparkSession, manifest: Manifest) -> None:
    """Drop the databases that a build makes anew, with what a killed one has left in their folders.

    Spark writes the files of a table before the catalog knows the table. If it is killed between
    the two, it never again makes a table where these files are. `manifest` is that of the project.
    A database with a table that is not the project's stays: it may be somebody else's.
    """
    nodes = [
        node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")
    ]
    # The vars of another night may have switched on what this project leaves out.
    others = chain(*manifest["disabled"].values())
    ours = {(node["schema"], node.get("alias")) for node in chain(nodes, others)}
    for database in sorted({node["schema"] for node in nodes}):
        if session.catalog.databaseExists(database):
            tables = session.sql(f"show tables in {database}").collect()
            if {(database, row.tableName) for row in tables} <= ours:
                session.sql(f"drop database {database} cascade")


def _change_views(session: SparkSession, database: str) -> None:
    session.sql(f"create database if not exists {VIEWS}")
    tables = {row.tableName for row in session.sql(f"show tables in {database}").collect()}
    views = {
        row.viewName
        for row in session.sql(f"show views in {VIEWS}").collect()
        if not row.isTemporary
    }
    for name in sorted(views - tables):
        session.sql(f"drop view {VIEWS}.{name}")
    # In a catalog of Hive, `create or replace` drops the view first, so that for a moment readers
    # have none. Iceberg replaces the view in one step, and has no `alter view ... as`.
    change = "create or replace" if catalog() == "iceberg" else "alter"
    for name in sorted(tables, key=lambda name: (name == LAST, name)):
        verb = change if name in views else "create"
        session.sql(f"{verb} view {VIEWS}.{name} as select * from {database}.{name}")


def first_line(error: Exception) -> str:
    """Return the first line of an error of Spark, which may have a whole stack below it."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def _note(serve: Path, build_id: str) -> None:
    """Write which build all views read, in one step."""
    new = serve / f"{NOTE}.next"
    new.write_text(build_id, encoding="utf-8")
    flush_to_disk(new)
    new.replace(serve / NOTE)
    flush_to_disk(serve)
