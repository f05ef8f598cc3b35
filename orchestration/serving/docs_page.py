"""dbt's documentation as one page: every model, its columns, its SQL, and how models depend.

It is the page of `dbt docs generate --static`, with the same two contents, filled in here. That
command parses the whole project once more and opens the private warehouse. Here the manifest of the
build is taken as it is, and the published file says which types and how many rows there are.
"""

import json
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import duckdb

from orchestration.serving.published import connect_as_reader
from orchestration.warehouse.manifest import Manifest, Node, marts

_PAGE = "dbt/task/docs/index.html"
# What dbt's page has in place of the two contents.
_MANIFEST, _CATALOG = '"MANIFEST.JSON INLINE DATA"', '"CATALOG.JSON INLINE DATA"'
# Paths of this machine, which are no business of the readers of a page.
_PATHS = {"root_path", "raw_dir"}
# The rows of unit tests, a third of the manifest. The page does not show them.
_ROWS = {"given", "expect"}
# A browser then refuses all requests of the page, whatever is in it. dbt's page can count visits.
_NO_REQUESTS = (
    '<head><meta http-equiv="Content-Security-Policy"'
    " content=\"default-src data: 'unsafe-inline' 'unsafe-eval'\">"
)
_COLUMNS = """
    select column_name, data_type, comment, column_index
    from duckdb_columns()
    where schema_name = ? and table_name = ?
    order by column_index
"""


def write_docs_page(manifest_file: Path, published: Path | None, page: Path) -> None:
    """Write the documentation into the file `page`.

    `manifest_file` is the manifest.json of a parse. `published` is the DuckDB file with the types
    and the numbers of rows; without it the page shows neither. Raises LookupError if the page of
    this release of dbt has another form, and duckdb.Error if `published` cannot be read.
    """
    manifest = _without(json.loads(manifest_file.read_bytes()), _PATHS)
    manifest["unit_tests"] = _without(manifest["unit_tests"], _ROWS)
    manifest["metadata"]["send_anonymous_usage_stats"] = False
    catalog = {"nodes": _described(manifest, published) if published else {}, "sources": {}}

    text = Path(str(distribution("dbt-core").locate_file(_PAGE))).read_text(encoding="utf-8")
    for place, content in (
        ("<head>", _NO_REQUESTS),
        (_MANIFEST, _as_script(manifest)),
        (_CATALOG, _as_script(catalog)),
    ):
        if text.count(place) != 1:
            raise LookupError(f"dbt's page has another form: {place} is not there once")
        text = text.replace(place, content)
    page.write_text(text, encoding="utf-8")


def _described(manifest: Manifest, published: Path) -> dict[str, Any]:
    """Return the published tables in the form of dbt's catalog.json, by unique_id."""
    with connect_as_reader(published) as connection:
        found = {node["unique_id"]: _table(connection, node) for node in marts(manifest)}
    # A model that is newer than the build has no columns there yet.
    return {name: table for name, table in found.items() if table["columns"]}


def _table(connection: duckdb.DuckDBPyConnection, node: Node) -> dict[str, Any]:
    columns = connection.execute(_COLUMNS, [node["schema"], node["name"]]).fetchall()
    table = {
        "unique_id": node["unique_id"],
        "metadata": {
            "type": node["config"]["materialized"],
            "schema": node["schema"],
            "name": node["name"],
            "database": node["database"],
            "comment": None,
            "owner": None,
        },
        "columns": {
            name: {"name": name, "type": kind, "comment": comment, "index": index}
            for name, kind, comment, index in columns
        },
        "stats": {},
    }
    if columns:
        [(rows,)] = connection.execute(
            f'select count(*) from "{node["schema"]}"."{node["name"]}"'
        ).fetchall()
        table["stats"] = {
            "has_stats": _statistic("has_stats", "Has Stats?", True, included=False),
            "num_rows": _statistic("num_rows", "Rows", rows),
        }
    return table


def _statistic(
    name: str, label: str, value: int | bool, *, included: bool = True
) -> dict[str, Any]:
    return {"id": name, "label": label, "value": value, "include": included, "description": label}


def _as_script(content: Any) -> str:  # noqa: ANN401
    # HTML ends a script at "</script>", also inside of a text, and "<!--" hides what follows.
    return json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")


def _without(value: Any, keys: set[str]) -> Any:  # noqa: ANN401
    """Return `value`, of JSON, without these keys at any depth."""
    if isinstance(value, dict):
        return {name: _without(item, keys) for name, item in value.items() if name not in keys}
    if isinstance(value, list):
        return [_without(item, keys) for item in value]
    return value
