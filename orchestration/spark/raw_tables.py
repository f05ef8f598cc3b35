"""The files of a landing zone as the raw tables that a catalog of Spark has otherwise.

Each table of the contract becomes a table of texts in the schema raw. Records of other systems come
from their mappings, into a table other_<table>. More tables keep what a catalog cannot know: the
list of files, the lines that are no records, and how many records supporting files have. DuckDB
reads the files, as it does in a build on DuckDB, so both builds see the same texts.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd

from landing.formats import is_nested
from landing.inventory import inventory
from landing.layouts import CONTRACT, MODELS
from landing.texts import quoted
from orchestration import paths
from orchestration.settings.duckdb_settings import NULL_ORDER, duckdb_settings
from orchestration.spark.other_systems import DATABASE, compile_mappings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SCHEMA = "raw"
FILES, LINES = "landed_files", "lines_without_a_record"
# How the engine that reads JSON calls a file that is not compressed.
_PLAIN = {"json": "uncompressed", "json_array": "uncompressed"}
_SHAPES = {"json": "newline_delimited", "json_array": "array"}


def write_raw_tables(
    raw_dir: Path, folder: Path, scratch: Path, variables: Mapping[str, Any]
) -> None:
    """Write the landing zone `raw_dir` as Parquet: one folder per table below `folder`.

    The mappings of other systems are compiled in the folder `scratch`, which must not be there yet,
    with the dbt vars `variables`. Raises ValueError with a line for each fault of any file.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    settings = {**duckdb_settings(paths.scratch()), "default_null_order": NULL_ORDER}
    with closing(duckdb.connect(config=settings)) as session:
        session.execute("set TimeZone = 'UTC'")
        files = inventory(raw_dir, MODELS, session)
        found = [file for file in files if file["format"] != "left out"]
        own = [file for file in found if file["system"] == CONTRACT]
        session.execute(f"create table {LINES} ({_LINE_COLUMNS})")
        for table in sorted({file["table_name"] for file in own}):
            of_table = [file for file in own if file["table_name"] == table]
            _write_table(session, of_table, folder / table)
        frame = pd.DataFrame(files)
        session.register(FILES, frame)
        if own != found:
            warehouse, queries = compile_mappings(found, scratch, variables)
            session.execute(f"attach {quoted(warehouse)} as {DATABASE} (read_only)")
            _write_other_systems(session, queries, folder)
        for name in (FILES, LINES):
            (folder / name).mkdir()
            _copy(session, f"from {name}", folder / name / "all.parquet")


def tables_below(folder: Path) -> list[str]:
    """Return the names of the tables that `write_raw_tables` wrote into `folder`."""
    return sorted(path.name for path in folder.iterdir())


def register(session: SparkSession, folder: Path, tables: Sequence[str]) -> None:
    """Make the tables that `write_raw_tables` wrote into `folder` known to Spark."""
    session.sql(f"create schema if not exists {SCHEMA}")
    for table in tables:
        session.sql(f"drop table if exists {SCHEMA}.{table}")
        session.sql(
            f"create table {SCHEMA}.{table} using parquet location {quoted(folder / table)}"
        )


_LINE_COLUMNS = "table_name varchar, file varchar, line bigint, error varchar, text varchar"


def _write_table(
    session: duckdb.DuckDBPyConnection, files: Sequence[Mapping[str, Any]], folder: Path
) -> None:
    """Write the files of a table, each as one file of Parquet with the columns of all of them."""
    folder.mkdir()
    found = (name for file in files for name in json.loads(file["columns"]))
    columns = [name for name in dict.fromkeys(found) if name not in ("file", "scan_position")]
    for number, file in enumerate(files):
        texts = dict(zip(json.loads(file["columns"]), _texts(file), strict=True))
        selected = ", ".join(
            f"{texts.get(name, 'cast(null as varchar)')} as {_identifier(name)}" for name in columns
        )
        _copy(
            session,
            f"select {selected}, {quoted(file['file'])} as file,"
            f" row_number() over () as scan_position from {_reader(file)}",
            folder / f"{number:05}.parquet",
        )
        if file["format"] == "csv":
            _keep_lines(session, file)


def _write_other_systems(
    session: duckdb.DuckDBPyConnection, queries: Mapping[str, str], folder: Path
) -> None:
    """Write what the mappings find, each query that has rows, and the lines that are no records."""
    for name, query in queries.items():
        (folder / name).mkdir()
        if not _copy(session, query, folder / name / "all.parquet"):
            shutil.rmtree(folder / name)
    # The readers in these queries have put such lines into tables of two names (macro reader_of).
    kept = session.execute(
        "select table_name from duckdb_tables() where ends_with(table_name, '_lines')"
    ).fetchall()
    for [lines] in kept:
        scans = lines.removesuffix("lines") + "scans"
        session.execute(
            f"insert into {LINES} select if(is_part, '', table_name), file, line,"
            " cast(error_type as varchar), any_value(csv_line)"
            f" from {lines} inner join {scans} using (scan_id, file_id)"
            f" inner join {FILES} on {FILES}.path = {scans}.file_path"
            " group by is_part, table_name, file, line, error_type"
        )


def _copy(session: duckdb.DuckDBPyConnection, query: str, file: Path) -> int:
    [(rows,)] = session.execute(
        f"copy ({query}) to {quoted(file)} (format parquet, compression zstd)"
    ).fetchall()
    return rows


def _keep_lines(session: duckdb.DuckDBPyConnection, file: Mapping[str, Any]) -> None:
    session.execute(
        f"insert into {LINES} select ?, ?, line, cast(error_type as varchar), any_value(csv_line)"
        " from reject_errors group by line, error_type",
        [file["table_name"], file["file"]],
    )
    session.execute("drop table reject_errors")
    session.execute("drop table reject_scans")


def _texts(file: Mapping[str, Any]) -> list[str]:
    """Return SQL for the text of each column of a file."""
    types = json.loads(file["types"])
    texts = []
    for place, name in enumerate(json.loads(file["names"])):
        if file["envelope"] and not name.lower().startswith("_airbyte_"):
            path = quoted('$."' + name + '"')
            texts.append(f"json_extract_string({_identifier(file['envelope'])}, {path})")
        elif types and not file["envelope"] and is_nested(types[place]):
            texts.append(f"cast(to_json({_identifier(name)}) as varchar)")
        else:
            texts.append(f"cast({_identifier(name)} as varchar)")
    return texts


def _reader(file: Mapping[str, Any]) -> str:
    """Return SQL that reads a file as macro reader_of does, and keeps lines that are no records."""
    path = quoted(file["path"])
    if file["format"] == "parquet":
        return f"read_parquet({path}, hive_partitioning = false)"
    names = json.loads(file["heading"] if file["format"] == "csv" else file["names"])
    if file["envelope"] and file["format"] != "csv":
        outside = [name for name in names if name.lower().startswith("_airbyte_")]
        names = list(dict.fromkeys([file["envelope"], *outside]))
    columns = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in names)
    options = f"hive_partitioning = false, columns = {{{columns}}}"
    compression = file["compression"] or _PLAIN.get(file["format"], "none")
    if file["format"] == "csv":
        return (
            f"read_csv({path}, auto_detect = false, header = false, skip = 1,"
            f" compression = '{compression}', delim = {quoted(file['delimiter'])}, quote = '\"',"
            f" escape = '\"', store_rejects = true, {options})"
        )
    shape = _SHAPES[file["format"]]
    return f"read_json({path}, format = '{shape}', compression = '{compression}', {options})"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
