"""What a reader can do with the published file, by the recipe of the README and nothing else.

Refused: whatever reads or writes another file, changes the marts or loosens the connection. Each
such statement first does its work on a connection without the recipe, so that a refusal is no
mistake in the statement. Long tests (torture) open the file with other releases of DuckDB and
through SQLAlchemy, installed for the test alone.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from conftest import MARTS, ROOT, fingerprint

FILE = "var/serve/current/tenure.duckdb"
# Done by a plain connection that is only read-only.
OUTSIDE = [
    "select * from read_text('/etc/passwd')",
    "select * from read_blob('/proc/self/environ')",
    "select * from read_csv('{folder}/other.csv')",
    "select * from '{folder}/other.csv'",
    "select * from sniff_csv('{folder}/other.csv')",
    "select * from glob('{folder}/*')",
    "select * from read_parquet('{parquet}')",
    "select * from parquet_metadata('{parquet}')",
    "attach '{folder}/other.duckdb' as other",
    "attach '{folder}/other.duckdb' as other (read_only)",
    "copy core.dim_customers to '{folder}/out.csv'",
    "copy core.dim_customers to '{folder}/out.parquet' (format parquet)",
    "export database '{folder}/export'",
    "create persistent secret leak (type http, bearer_token 'x')",
    "set lock_configuration = false",
    "reset lock_configuration",
    "set temp_directory = '{folder}'",
    "pragma memory_limit = '1TB'",
]
# Done by a connection that may write.
INSIDE = [
    "create table core.more as select 1 as one",
    "create view core.more as select 1 as one",
    "create macro core.more() as 1",
    "create schema more",
    "create or replace table core.dim_dates as select 1 as one",
    "insert into core.dim_dates select * from core.dim_dates limit 1",
    "update core.fct_orders set amount = 0",
    "delete from core.fct_orders",
    "truncate core.fct_orders",
    "alter table core.fct_orders add column more integer",
    "comment on table core.fct_orders is 'nothing'",
    "drop table core.fct_orders",
    "drop schema core cascade",
]
# These need a network, or an extension to load, or cannot be said without the recipe.
NOT_SHOWN = [
    "install httpfs",
    "load httpfs",
    "install spatial from community",
    "load '{folder}/other.duckdb_extension'",
    "select * from read_csv('http://127.0.0.1:9/orders.csv')",
    "select * from read_parquet('s3://bucket/orders.parquet')",
    "set enable_external_access = true",
    "reset enable_external_access",
    "set allowed_directories = ['/']",
    "attach '{file}' as again (read_write)",
]
# The engine lets a connection write to the very file that it has opened, and its write-ahead log.
OVER_ITSELF = [
    "copy (select 1 as one) to '{file}' (use_tmp_file false)",
    "copy (select 1 as one) to '{file}.wal'",
]
REFUSED = re.compile(r"disabled (by|through) config|been locked|read-only mode|Unique file handle")


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
def folder(built_home, build, tmp_path, monkeypatch):
    """Files of the machine, and what was published among them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copytree(built_home / "serve", tmp_path / "serve", symlinks=True)
    (tmp_path / "other.csv").write_text("one,two\n1,2\n")
    duckdb.connect(str(tmp_path / "other.duckdb")).close()
    return tmp_path


def said(attack: str, folder: Path, file: Path) -> str:
    parquet = folder / "serve/current/parquet/core/dim_customers.parquet"
    return attack.format(folder=folder, file=file, parquet=parquet)


def check_refused(attacks: list[str], folder: Path) -> None:
    file = folder / "serve/current/tenure.duckdb"
    before = fingerprint(folder)
    for attack in attacks:
        with connected(file) as connection, pytest.raises(duckdb.Error, match=REFUSED):
            connection.execute(said(attack, folder, file)).fetchall()
        assert fingerprint(folder) == before, attack


@pytest.mark.parametrize(("attacks", "read_only"), [(OUTSIDE, True), (INSIDE, False)])
def test_without_the_recipe_the_attacks_work(folder, attacks, read_only):
    for number, attack in enumerate(attacks):
        own = folder / str(number)
        own.mkdir()
        for name in ("other.csv", "other.duckdb", "serve/current/tenure.duckdb"):
            shutil.copyfile(folder / name, own / Path(name).name)
        file = own / "tenure.duckdb"
        settings = {"secret_directory": str(own / "secrets")}
        with duckdb.connect(str(file), read_only=read_only, config=settings) as connection:
            connection.execute(said(attack, own, file).replace(f"{own}/serve", f"{folder}/serve"))


def test_by_the_recipe_all_are_refused_and_every_file_stays(folder, reliability):
    attacks = OUTSIDE + INSIDE + NOT_SHOWN
    check_refused(attacks, folder)
    reliability(
        "the reader's side",
        "a reader who may type any SQL",
        "statements that read or write other files, change the marts or loosen the connection",
        tried=len(attacks),
        lost="nothing",
    )


def test_by_the_recipe_a_reader_cannot_overwrite_what_he_reads(folder):
    check_refused(OVER_ITSELF, folder)


# --- Other clients --------------------------------------------------------------------------------

# What a client finds: the catalog, and of each table its rows and how many comments it has.
LOOK = """
import json
found = {}
[(catalog,)] = connection.execute("select current_catalog()").fetchall()
tables = connection.execute(
    "select schema_name || '.' || table_name, comment from duckdb_tables()").fetchall()
for name, comment in tables:
    schema, table = name.split(".")
    columns = connection.execute(
        "select comment from duckdb_columns() where schema_name = ? and table_name = ?",
        [schema, table]).fetchall()
    described = bool(comment) and all(text for (text,) in columns)
    found[name] = [len(connection.execute(f"select * from {name}").fetchall()), described]
print("\\n" + json.dumps([catalog, found]))
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
        for table in look.get_table_names(schema=name):
            columns = look.get_columns(table, schema=name)
            found[name + "." + table] = {{c["name"]: str(c["type"]) for c in columns}}
with engine.connect() as connection:
    rows = {{name: connection.scalar(sa.text("select count(*) from " + name)) for name in found}}
    try:
        connection.execute(sa.text("delete from core.fct_orders"))
    except sa.exc.DBAPIError as error:
        refused = str(error)
print("\\n" + json.dumps([found, rows, refused]))
"""


def client(folder: Path, *packages: str) -> Path:
    """A Python with these packages; the test is skipped if they cannot be installed."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    installed = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", *packages], capture_output=True, text=True
    )
    if installed.returncode:
        pytest.skip(f"pip cannot install {packages}: {installed.stderr[-300:]}")
    return python


def answer(python: Path, code: str) -> list:
    run = subprocess.run([python, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    # Of a slow query DuckDB shows the progress.
    return json.loads(run.stdout.splitlines()[-1])


def rows_of(served: duckdb.DuckDBPyConnection) -> dict[str, int]:
    return {
        name: served.sql(f"select count(*) from {name}").fetchall()[0][0] for name in sorted(MARTS)
    }


@pytest.mark.torture
@pytest.mark.parametrize("release", ["1.1", "1.4", "1.5", "2.0"])
def test_clients_of_many_years_read_every_table(served, built_home, tmp_path, release, reliability):
    python = client(tmp_path / "client", f"duckdb=={release}.*")
    file = built_home / "serve/current/tenure.duckdb"
    catalog, found = answer(python, recipe(file) + LOOK)
    assert catalog == "tenure"
    assert found == {name: [rows, True] for name, rows in rows_of(served).items()}
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
    # SQLAlchemy 2.1 asks for a catalog table (pg_collation) that DuckDB does not have.
    python = client(tmp_path / "client", f"duckdb=={release}.*", "duckdb-engine", "sqlalchemy<2.1")
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
