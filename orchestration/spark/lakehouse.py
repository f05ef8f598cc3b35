"""What is published, for readers who sit on the catalog of Spark and not on the DuckDB file.

    tenure_<build id>   a database with the tables of one build, which never change
    serve               one view per table, on the database of the build that readers get

A catalog changes one name at a time. So each view goes from build to build in one step, but the set
of views does not: for some seconds, two views may read two builds. The file serve/.views says which
build all views read. It is empty while they change, so that a stopped change is seen.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from orchestration import paths
from orchestration.runs.durable import flush_to_disk
from orchestration.runs.lock import wait_for_lock
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
# A property of each database that a build has made, and of `serve`: the id of TENURE_HOME. The
# macro spark__create_schema writes it too. Not each catalog of Iceberg keeps properties.
MARK = "tenure_home"
_MARKED = ("hive", "delta")
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
    session.sql(f"create database {database}{_with_mark()}")
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
        _logger.warning("warning: %s: %s", undone(serve), first_line(error))


def follow(session: SparkSession, serve: Path) -> None:
    """Let all views read the build that the file under `serve` serves; drop what is too old.

    Views of tables that the build does not have are dropped, and so are the databases of this
    home's builds that no longer are versions on disk. A build without a database, which another
    engine has made, leaves everything as it is.
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
            if (
                _OURS.fullmatch(database)
                and database not in versions
                and (catalog() not in _MARKED or _owner(session, database) == home_mark())
            ):
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


def undone(serve: Path) -> str:
    """Return what `follow` has left undone when it raised an error."""
    if viewed_build(serve) is None:
        return f"there are no views in {VIEWS} of Spark's catalog"
    return stopped_change(serve) or "databases of old builds are still in Spark's catalog"


def finish_stopped_change(session: SparkSession) -> None:
    """Finish what an earlier night or a rollback has begun: the views read what the file is."""
    if stopped_change(paths.serve()):
        follow(session, paths.serve())


def refuse_foreign(session: SparkSession, manifest: Manifest) -> None:
    """Raise ValueError, with what to do, if a night would change somebody else's database.

    A night may change a database with the mark of this home, and an empty one. Into one without a
    mark it may write if that has nothing but tables of the project, whose `manifest` this is, and
    this home has published into the catalog before. On Iceberg nothing has a mark, so that only
    `serve` is looked at.
    """
    ours = _tables_of(manifest)
    looked_at = {*(ours if catalog() in _MARKED else ()), VIEWS}
    has_published = _has_published(session)
    faults = []
    for database in sorted(name for name in looked_at if session.catalog.databaseExists(name)):
        owner, found = _owner(session, database), _names_in(session, database)
        say_so = f"alter database {database} set dbproperties ('{MARK}' = '{home_mark()}')"
        if owner not in (None, home_mark()):
            faults.append(
                f"The database {database} of Spark's catalog belongs to another TENURE_HOME: one"
                f" catalog serves one. If {paths.home()} made it, and has lost its file"
                f" {paths.catalog_mark().name} since, tell Spark so: {say_so}"
            )
        elif owner is None and found:
            is_known = database == VIEWS or found <= ours[database]
            if not (has_published and is_known):
                faults.append(
                    f"Spark's catalog has a database {database} with {min(found)} in it, and Tenure"
                    " would write there. Use a catalog without a database of that name. If its"
                    f" tables are Tenure's own, drop them, or tell Spark so: {say_so}. Then nights"
                    " may drop the database, with its location and its grants."
                )
    if faults:
        raise ValueError("\n".join(faults))


def drop_unpublished(session: SparkSession, manifest: Manifest) -> None:
    """Drop the databases that a build makes anew, with what a killed one has left in their folders.

    Spark writes the files of a table before the catalog knows the table. If it is killed between
    the two, it never again makes a table where these files are. `manifest` is that of the project.
    A database without the mark of this home stays, and so does one with a table that is not the
    project's: they may be somebody else's.
    """
    for database, tables in sorted(_tables_of(manifest).items()):
        if (
            session.catalog.databaseExists(database)
            and _owner(session, database) == home_mark()
            and _names_in(session, database) <= tables
        ):
            session.sql(f"drop database {database} cascade")


def home_mark() -> str:
    """Return what marks a database as one of this TENURE_HOME: a random id, which is made once.

    The path is no mark: homes on two machines may have the same one.
    """
    file = paths.catalog_mark()
    with wait_for_lock(file):
        mark = file.read_text(encoding="utf-8").strip()
        if not mark:
            # Hexadecimal, for Spark hides values with words such as `url`.
            mark = uuid4().hex
            file.write_text(mark, encoding="utf-8")
            # Never may a database be on disk with a mark that is not.
            flush_to_disk(file)
            flush_to_disk(file.parent)
    return mark


def tell_mark() -> None:
    """Hand the mark of this home to the macro spark__create_schema, where databases have one."""
    if catalog() in _MARKED:
        os.environ["TENURE_HOME_MARK"] = home_mark()


def _tables_of(manifest: Manifest) -> dict[str, set[str]]:
    """Return the names of the tables and views that the project may build, by database."""
    nodes = [
        node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")
    ]
    tables: dict[str, set[str]] = {node["schema"]: set() for node in nodes}
    # The vars of another night may have switched on what this project leaves out.
    for node in chain(nodes, *manifest["disabled"].values()):
        if node["schema"] in tables:
            tables[node["schema"]].add(node.get("alias"))
    return tables


def _has_published(session: SparkSession) -> bool:
    """Return whether the catalog has a build that this home has published."""
    builds = [version.name for version in complete_versions(paths.serve())]
    viewed = viewed_build(paths.serve())
    return any(
        session.catalog.databaseExists(database_of(build_id))
        for build_id in ([viewed] if viewed else []) + builds
    )


def _owner(session: SparkSession, database: str) -> str | None:
    """Return the mark of a database, or None if it has none."""
    rows = session.sql(f"describe database extended {database}").collect()
    told = {row.info_name: row.info_value for row in rows}
    # "((made_by,somebody), (tenure_home,0cc175b9c0f1b6a831c399e269772661))"
    found = re.search(rf"\({MARK},([^)]*)\)", told.get("Properties") or "")
    return found[1] if found else None


def _with_mark() -> str:
    """Return the end of a statement that creates a database: the mark, if it can be kept."""
    return f" with dbproperties ('{MARK}' = '{home_mark()}')" if catalog() in _MARKED else ""


def _names_in(session: SparkSession, database: str) -> set[str]:
    """Return the names of all tables and views in a database."""
    tables = session.sql(f"show tables in {database}").collect()
    views = session.sql(f"show views in {database}").collect()
    return {
        *(row.tableName for row in tables if not row.isTemporary),
        *(row.viewName for row in views if not row.isTemporary),
    }


def _change_views(session: SparkSession, database: str) -> None:
    session.sql(f"create database if not exists {VIEWS}{_with_mark()}")
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
