"""A catalog of Spark in this process, for what Python asks of it: no Java, and no SQL of tables."""

import re
from types import SimpleNamespace


class FakeCatalog:
    """A session whose databases hold names of tables and views, and properties.

    `failing` has the message of an error by a piece of the statement that raises it. `statements`
    are those that changed something.
    """

    def __init__(self, databases=None, failing=None):
        self.databases = {name: _database(**has) for name, has in (databases or {}).items()}
        self.failing = failing or {}
        self.statements = []
        self.catalog = SimpleNamespace(databaseExists=self.databases.__contains__)

    def sql(self, statement):
        for piece, message in self.failing.items():
            if piece in statement:
                raise RuntimeError(message)
        rows = self._asked(statement)
        if rows is None:
            return self._change(statement)
        return SimpleNamespace(collect=lambda: rows)

    def _asked(self, statement):
        verb, kind, *others = statement.split()
        if (verb, kind) == ("show", "databases"):
            start = others[1].strip("'*") if others else ""
            return [(name,) for name in self.databases if name.startswith(start)]
        if (verb, kind) in (("show", "tables"), ("show", "views")):
            has = self.databases[others[1]]
            # Spark lists views among the tables too.
            names = has["views"] if kind == "views" else has["tables"] + has["views"]
            return [
                SimpleNamespace(tableName=name, viewName=name, isTemporary=False) for name in names
            ]
        if statement.startswith("describe database extended "):
            pairs = self.databases[statement.split()[3]]["properties"].items()
            text = ", ".join(f"({name},{value})" for name, value in pairs)
            return [
                SimpleNamespace(info_name="Location", info_value="file:/warehouse"),
                SimpleNamespace(info_name="Properties", info_value=f"({text})" if text else ""),
            ]
        return None

    def _change(self, statement):
        self.statements.append(statement)
        made = re.match(r"create database (?:if not exists )?(\w+)", statement)
        dropped = re.fullmatch(r"drop database (\w+) cascade", statement)
        view = re.match(r"(?:create|create or replace|alter) view (\w+)\.(\w+) as ", statement)
        gone = re.fullmatch(r"drop view (\w+)\.(\w+)", statement)
        if made:
            pairs = re.findall(r"'([^']+)' = '([^']+)'", statement)
            self.databases.setdefault(made[1], _database(properties=dict(pairs)))
        elif dropped:
            del self.databases[dropped[1]]
        elif view:
            views = self.databases[view[1]]["views"]
            views[:] = dict.fromkeys([*views, view[2]])
        elif gone:
            self.databases[gone[1]]["views"].remove(gone[2])
        else:
            raise AssertionError(f"unknown to this fake: {statement}")


def _database(tables=(), views=(), properties=None):
    return {"tables": list(tables), "views": list(views), "properties": dict(properties or {})}
