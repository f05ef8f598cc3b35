"""What the published file refuses to a reader who opens it by the recipe of the README.

There is one harmless statement for each kind of refusal, on files of the test alone. Long tests
(torture) open the file with other releases of DuckDB and through SQLAlchemy, which they install
for themselves.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest
from conftest import MARTS, ROOT, VIEWS, fingerprint
from installations import new_python

from orchestration.serving.published import connect_as_reader

FILE = "var/serve/current/tenure.duckdb"
# A harmless statement of each kind, and the words of the refusal.
REFUSALS = {
    "read another file": ("select * from read_csv('{folder}/other.csv')", "disabled by config"),
    "open another database": ("attach '{folder}/other.duckdb' (read_only)", "disabled by config"),
    "write a file": ("copy (select 1 as one) to '{folder}/out.csv'", "disabled by config"),
    "write to the published file": ("copy (select 1 as one) to '{file}'", "disabled by config"),
    "load an extension": ("load httpfs", "disabled through config"),
    "change the marts": ("create table core.more as select 1 as one", "read-only mode"),
    "change a setting": ("set threads = 1", "been locked"),
}


def recipe(file: Path) -> str:
    """The Python of the README, for this file."""
    section = (ROOT / "README.md").read_text().split("## Connect a BI tool")[1]
    code = re.search(r"```python\n(.*?)```", section, flags=re.S)[1]
    assert FILE in code
    return code.replace(FILE, str(file))


def connected(file: Path) -> duckdb.DuckDBPyConnection:
    names = {}
    exec(recipe(file), names)
    return names["connection"]


@pytest.fixture
def folder(built_home, build, tmp_path):
    """What was published, and other files beside it."""
    shutil.copytree(built_home / "serve", tmp_path / "serve", symlinks=True)
    (tmp_path / "other.csv").write_text("one,two\n1,2\n")
    duckdb.connect(str(tmp_path / "other.duckdb")).close()
    return tmp_path


@pytest.mark.parametrize("kind", REFUSALS)
def test_by_the_recipe_it_is_refused_and_every_file_stays(folder, kind, reliability):
    statement, words = REFUSALS[kind]
    file = folder / "serve/current/tenure.duckdb"
    before = fingerprint(folder)
    # make query opens the file in the same way.
    for opened in (connected, connect_as_reader):
        with opened(file) as connection, pytest.raises(duckdb.Error, match=words):
            connection.execute(statement.format(folder=folder, file=file)).fetchall()
    assert fingerprint(folder) == before
    reliability(
        "the reader's side",
        "a reader who may type any SQL",
        "a statement of each kind: read or write a file, load an extension, change the marts or a"
        " setting",
        tried=1,
        lost="nothing",
    )


# --- Other clients --------------------------------------------------------------------------------

# What a client finds: the catalog; and for each table its rows, and whether all is described.
LOOK = """
import json
found = {}
[(catalog,)] = connection.execute("select current_catalog()").fetchall()
tables = connection.execute(
    "select schema_name || '.' || table_name, comment from duckdb_tables()"
    " union all select schema_name || '.' || view_name, comment from duckdb_views()"
    " where not internal").fetchall()
for name, comment in tables:
    schema, table = name.split(".")
    columns = connection.execute(
        "select comment from duckdb_columns() where schema_name = ? and table_name = ?",
        [schema, table]).fetchall()
    described = bool(comment) and all(text for (text,) in columns)
    found[name] = [len(connection.execute(f"select * from {name}").fetchall()), described]
print("\\n" + json.dumps([catalog, found]))
"""
# The file attached under another name, as a program does that reads several files. DuckDB 1.1 looks
# for the tables of a view in the database that is in use; later releases look beside the view.
ATTACHED = """
import json
import duckdb
connection = duckdb.connect()
connection.execute("attach '{file}' as other (read_only)")
if duckdb.__version__ < "1.2":
    connection.execute("use other")
print("\\n" + json.dumps({{name: connection.execute(
    "select count(*) from other." + name).fetchall()[0][0] for name in {views}}}))
"""
SQLALCHEMY = """
import json
import sqlalchemy as sa
engine = sa.create_engine("duckdb:///{file}", connect_args={{
    "read_only": True,
    "config": {{"enable_external_access": "false", "lock_configuration": "true"}},
}})
look = sa.inspect(engine)
found = {{}}
for schema in look.get_schema_names():
    catalog, _, name = schema.rpartition(".")
    if catalog == "tenure" and name not in ("main", "information_schema"):
        for table in look.get_table_names(schema=name) + look.get_view_names(schema=name):
            columns = look.get_columns(table, schema=name)
            found[name + "." + table] = {{c["name"]: str(c["type"]) for c in columns}}
        sa.MetaData().reflect(engine, schema=name)
with engine.connect() as connection:
    rows = {{name: connection.scalar(sa.text("select count(*) from " + name)) for name in found}}
    try:
        connection.execute(sa.text("create table core.more (one integer)"))
    except sa.exc.DBAPIError as error:
        refused = str(error)
print("\\n" + json.dumps([found, rows, refused]))
"""


def answer(python: Path, code: str) -> list:
    run = subprocess.run([python, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    # DuckDB prints the progress of a slow query before the answer.
    return json.loads(run.stdout.splitlines()[-1])


def rows_of(served: duckdb.DuckDBPyConnection) -> dict[str, int]:
    return {
        name: served.sql(f"select count(*) from {name}").fetchall()[0][0] for name in sorted(MARTS)
    }


@pytest.mark.torture
@pytest.mark.parametrize("release", ["1.1", "1.4", "1.5", "2.0"])
def test_clients_of_many_years_read_every_table(served, built_home, tmp_path, release, reliability):
    python = new_python(tmp_path / "client", f"duckdb=={release}.*")
    file = built_home / "serve/current/tenure.duckdb"
    catalog, found = answer(python, recipe(file) + LOOK)
    assert catalog == "tenure"
    assert found == {name: [rows, True] for name, rows in rows_of(served).items()}
    attached = answer(python, ATTACHED.format(file=file, views=sorted(VIEWS)))
    assert attached == {name: found[name][0] for name in VIEWS}
    reliability(
        "versions",
        f"a client of DuckDB {release}",
        "opened by the recipe of the README, every row and comment of every table read",
        tried=len(found),
        lost="nothing",
    )


@pytest.mark.torture
@pytest.mark.parametrize("release", ["1.5", "2.0"])
def test_sqlalchemy_finds_every_table_with_its_types(
    served, built_home, tmp_path, release, reliability
):
    # From 2.0.55 on, SQLAlchemy asks for keys with a type (regclass) that DuckDB does not have.
    python = new_python(
        tmp_path / "client", f"duckdb=={release}.*", "duckdb-engine", "sqlalchemy<2.0.55"
    )
    file = built_home / "serve/current/tenure.duckdb"
    found, rows, refused = answer(python, SQLALCHEMY.format(file=file))
    assert rows == rows_of(served)
    assert "read-only mode" in refused
    names = {"DOUBLE": "FLOAT", "DECIMAL": "NUMERIC"}
    for name in MARTS:
        schema, table = name.split(".")
        columns = served.execute(
            "select column_name, data_type from duckdb_columns()"
            " where schema_name = ? and table_name = ?",
            [schema, table],
        ).fetchall()
        types = {column: kind.partition("(")[0] for column, kind in columns}
        seen = {column: kind.partition("(")[0] for column, kind in found[name].items()}
        assert seen == {column: names.get(kind, kind) for column, kind in types.items()}
    reliability(
        "versions",
        f"SQLAlchemy 2.0 on DuckDB {release}",
        "schemas, tables and the type of every column looked up, every table queried",
        tried=len(found),
        lost="nothing",
    )
