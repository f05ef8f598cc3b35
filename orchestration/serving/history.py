"""What a published file knows of earlier builds: meta.builds and meta.restatements.

Both are carried forward from file to file and never pruned.
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from landing.texts import quoted
from orchestration.restating.ledger import COLUMNS as LEDGER_COLUMNS
from orchestration.restating.reported import describe_reported_values
from orchestration.restating.watched import Report
from orchestration.serving.published import FILE_NAME
from orchestration.serving.statements import comment

_logger = logging.getLogger(__name__)

_BUILDS_DESCRIPTION = "One row per build that was published, oldest first."
_BUILDS_COLUMNS = {
    "build_id": ("varchar", "The name of the build and of its folder: UTC start and run."),
    "as_of": ("date", "The exclusive end of the data in this build."),
    "started_at": ("timestamp", "When the build started, UTC."),
    "finished_at": ("timestamp", "When its tables were complete, UTC, just before it was served."),
    "git_sha": ("varchar", "The commit that built it, with -dirty if files had been changed."),
    "versions": ("varchar", "The versions of the software that matter for numbers, as JSON."),
    "vars": ("varchar", "Every dbt var of the build with its value, as JSON."),
    "inputs_hash": ("varchar", "SHA-256 over table, name and SHA-256 of every raw file read."),
    "volume_drop_reason": (
        "varchar",
        "Why a raw table with far fewer rows than before was published; NULL when none had.",
    ),
    "is_current": ("boolean", "True for the build that this file holds."),
    "previous_build_id": (
        "varchar",
        "The build that readers had before, with which this one was compared (meta.restatements).",
    ),
    "code_hashes": (
        "varchar",
        "A hash of each model and macro that watched reports depend on, by name, as JSON.",
    ),
    "seed_hashes": ("varchar", "A hash of each seed and each _mapping.yml, by name, as JSON."),
    "restatement_reason": (
        "varchar",
        "Why a closed period that moved beyond its limit was published; NULL when none had.",
    ),
}
_RESTATEMENTS_DESCRIPTION = (
    "One row per build and watched number of a closed period that moved with it, with the cause."
    " A period is closed when the build before said so (is_complete). A row that appears or is gone"
    " counts, unless it holds zeros."
)
_RESTATEMENTS_COLUMNS = {
    "build_id": ("varchar", "The build with which the number moved."),
    **LEDGER_COLUMNS,
}


@dataclass(frozen=True)
class Build:
    """The facts of a build that are known before its tables are read.

    `started_at` has a timezone. `versions` is by package, `variables` by name of the dbt var.
    `code_hashes` is by model or macro, `seed_hashes` by seed or mapping. The two reasons say why a
    guard was overruled, and are None where none was.
    """

    build_id: str
    started_at: datetime
    git_sha: str | None
    versions: Mapping[str, str]
    variables: Mapping[str, Any]
    volume_drop_reason: str | None = None
    restatement_reason: str | None = None
    code_hashes: Mapping[str, str] = field(default_factory=dict)
    seed_hashes: Mapping[str, str] = field(default_factory=dict)


def write_history(
    connection: duckdb.DuckDBPyConnection,
    build: Build,
    as_of: date,
    versions: Sequence[Path],
    ledger: Path | None,
) -> None:
    """Write meta.builds and meta.restatements: those of all `versions`, and this build's.

    `connection` has the private warehouse and the new file attached, as warehouse and tenure.
    `ledger` has what this build restates; None: nothing.
    """
    connection.execute("create schema if not exists tenure.meta")
    _create(connection, "builds", _BUILDS_DESCRIPTION, _BUILDS_COLUMNS)
    _create(connection, "restatements", _RESTATEMENTS_DESCRIPTION, _RESTATEMENTS_COLUMNS)
    connection.execute("create or replace temp table earlier as from tenure.meta.builds")
    # No single version has all. After a rollback the current one lacks the builds after it. And the
    # one with the last name may be of a night with a wrong clock, and lacks what came after that.
    for version in reversed(versions):
        _carry_forward(connection, version)
    connection.execute(
        "insert into tenure.meta.builds"
        " select * replace (false as is_current) from earlier order by build_id"
    )
    previous_build_id = _add_ledger(connection, build.build_id, ledger) if ledger else None
    values = {
        "build_id": build.build_id,
        "as_of": as_of,
        "started_at": build.started_at.astimezone(UTC).replace(tzinfo=None),
        "finished_at": datetime.now(UTC).replace(tzinfo=None),
        "git_sha": build.git_sha,
        "versions": _json(build.versions),
        "vars": _json(build.variables),
        "inputs_hash": _inputs_hash(connection),
        "volume_drop_reason": build.volume_drop_reason,
        "is_current": True,
        "previous_build_id": previous_build_id,
        "code_hashes": _json(build.code_hashes),
        "seed_hashes": _json(build.seed_hashes),
        "restatement_reason": build.restatement_reason,
    }
    places = ", ".join("?" for _ in values)
    connection.execute(
        f"insert into tenure.meta.builds ({', '.join(values)}) values ({places})",
        list(values.values()),
    )


def tables_of_history(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Return what no model makes, by name: tables of Arrow, in which moments are of UTC.

    `connection` uses the new file.
    """
    tables = {}
    for name in ("builds", "restatements", "reported_values"):
        zoned = [
            f"timezone('UTC', {column}) as {column}"
            for column, type_, *_ in connection.execute(f"describe meta.{name}").fetchall()
            if type_ == "TIMESTAMP"
        ]
        replaced = f" replace ({', '.join(zoned)})" if zoned else ""
        query = f"select *{replaced} from meta.{name}"
        tables[name] = connection.sql(query).to_arrow_table()
    return tables


def write_reported_values(connection: duckdb.DuckDBPyConnection, reports: list[Report]) -> None:
    """Create the view meta.reported_values: each watched number as first published, and as now.

    `connection` uses the new file.
    """
    described = describe_reported_values(reports)
    connection.execute(f"create view meta.reported_values as {described.sql}")
    comment(connection, "view", "meta.reported_values", described.description, described.columns)


def _create(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    description: str,
    columns: Mapping[str, tuple[str, str]],
) -> None:
    typed = ", ".join(f"{name} {type_}" for name, (type_, _) in columns.items())
    connection.execute(f"create table tenure.meta.{table} ({typed})")
    texts = {name: text for name, (_, text) in columns.items()}
    comment(connection, "table", f"tenure.meta.{table}", description, texts)


def _carry_forward(connection: duckdb.DuckDBPyConnection, version: Path) -> None:
    """Take from a version the builds that no other version had, and what these restated."""
    try:
        connection.execute(f"attach {quoted(version / FILE_NAME)} as previous (read_only)")
        _insert_unknown(connection)
    except duckdb.Error as error:
        _logger.warning(
            "warning: %s cannot be read, so builds that only it knows are left out: %s",
            version,
            str(error).splitlines()[0],
        )
    connection.execute("detach database if exists previous")


def _insert_unknown(connection: duckdb.DuckDBPyConnection) -> None:
    for table, target, known in (
        ("builds", "earlier", _BUILDS_COLUMNS),
        ("restatements", "tenure.meta.restatements", _RESTATEMENTS_COLUMNS),
    ):
        found = connection.execute(
            "select column_name from duckdb_columns() where database_name = 'previous'"
            " and schema_name = 'meta' and table_name = ? order by column_index",
            [table],
        ).fetchall()
        # Another release may have other columns: an older one has no restatements at all.
        if shared := ", ".join(name for (name,) in found if name in known):
            connection.execute(
                f"insert into {target} ({shared}) select {shared} from previous.meta.{table}"
                f" where build_id not in (select build_id from {target})"
            )


def _add_ledger(connection: duckdb.DuckDBPyConnection, build_id: str, ledger: Path) -> str | None:
    """Copy what this build restates, and return the build with which it was compared."""
    connection.execute(f"attach {quoted(ledger)} as ledger (read_only)")
    connection.execute(
        "insert into tenure.meta.restatements by name"
        f" select {quoted(build_id)} as build_id, * from ledger.restatements"
    )
    found = connection.execute("select build_id from ledger.previous").fetchall()
    connection.execute("detach ledger")
    return found[0][0] if found else None


def _inputs_hash(connection: duckdb.DuckDBPyConnection) -> str:
    files = connection.execute(
        "select table_name, file, sha256 from warehouse.meta.source_files order by all"
    ).fetchall()
    return hashlib.sha256("\n".join("\t".join(file) for file in files).encode()).hexdigest()


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(dict(values), sort_keys=True)
