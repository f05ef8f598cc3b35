"""The private warehouse of one landing zone after another, filled by dbt in this process.

dbt parses the project once. After that, all models of a small landing zone take two or three
seconds.
"""

import json
import shutil

import duckdb
import pytest
from conftest import ROOT
from shops.landing_zone import write

from comparison.build import forget_compiled


class Warehouse:
    def __init__(self, folder, variables=None):
        """The manifest holds the folder and these dbt vars, so both stay the same.

        A folder of the fixture new_home is parsed already, for a warehouse without vars.
        """
        self.folder, self.variables = folder, variables or {}
        self.raw_dir, self.file = folder / "raw", folder / "build/warehouse.duckdb"
        self.seeded = folder / "seeded.duckdb"
        self.file.parent.mkdir()
        parsed = folder / "dbt/parsed/partial_parse.msgpack"
        if parsed.exists():
            (folder / "target").mkdir()
            shutil.copy(parsed, folder / "target")
        self.manifest, self.meta = None, {}
        self.manifest = self.dbt("parse")
        self.meta = {
            name: dict(node.config.meta)
            for name, node in self.manifest.nodes.items()
            if node.resource_type == "model" and node.language == "python"
        }
        self.dbt("seed")
        shutil.move(self.file, self.seeded)

    def dbt(self, command, *arguments, variables=None):
        """Run a command of dbt, with these dbt vars besides those of the manifest."""
        # dbt takes seconds to load, and other tests need not wait for it.
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        variables = self.variables | (variables or {})
        # dbt renders vars into the meta of Python models when it parses, each under its own name.
        for name, meta in self.meta.items():
            self.manifest.nodes[name].config.meta.update(
                {key: variables.get(key, value) for key, value in meta.items()}
            )
        flags = [
            *("--quiet", "--log-level-file", "none", "--no-write-json"),
            *("--project-dir", str(ROOT), "--profiles-dir", str(ROOT), "--target", "private"),
            *("--target-path", str(self.folder / "target")),
            *("--log-path", str(self.folder / "logs")),
            *("--vars", json.dumps(variables)),
        ]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TENURE_HOME", str(self.folder))
            patch.setenv("TENURE_RAW_DIR", str(self.raw_dir))
            manifest = forget_compiled(self.manifest) if self.manifest else None
            done = dbtRunner(manifest=manifest).invoke([command, *flags, *arguments])
            # dbt would hold the warehouse open until its next command.
            DuckDBConnectionManager.close_all_connections()
        messages = [result.message for result in getattr(done.result, "results", [])]
        assert done.success, done.exception or messages
        return done.result

    def fill(self, files, *arguments, command="run", variables=None):
        """Build the models of these files alone; the arguments go to dbt.

        `files` may be a function, too, which writes them into the folder that it is given.
        """
        if callable(files):
            shutil.rmtree(self.raw_dir, ignore_errors=True)
            self.raw_dir.mkdir()
            files(self.raw_dir)
        else:
            write(self.raw_dir, files)
        for path in self.file.parent.iterdir():
            path.unlink()
        shutil.copy(self.seeded, self.file)
        self.dbt(command, *arguments, variables=variables)

    def connect(self):
        return duckdb.connect(self.file, read_only=True)

    def query(self, sql):
        with self.connect() as connection:
            return connection.sql(sql).fetchall()

    def tables(self, names):
        """The rows of each of these tables, as dicts, by the name of the table."""
        with self.connect() as connection:
            return {name: rows_of(connection.sql(f"select * from {name}")) for name in names}

    def fingerprints(self, names):
        """The number of rows and a hash of the rows of each of these tables, in any order."""
        with self.connect() as connection:
            return {name: fingerprint(connection, name) for name in names}


def rows_of(relation):
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def fingerprint(connection, name):
    # A row that is sent again is superseded. That changes the count of such rows and nothing else.
    where = "where outcome <> 'superseded'" if name == "meta.row_outcomes" else ""
    return connection.sql(
        "select count(*), md5(string_agg(line, chr(10) order by line))"
        f" from (select mart::varchar as line from {name} as mart {where})"
    ).fetchone()
