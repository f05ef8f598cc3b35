"""Macros of the project as SQL, rendered without dbt, for tests of what they make of values."""

import re
from pathlib import Path
from types import SimpleNamespace

import dbt.include
import jinja2
from conftest import ROOT

VARIABLES = {
    "reporting_timezone": "UTC",
    "reporting_currency": "USD",
    "reactivation_gap_days": 0,
    "switch_gap_hours": 24,
    "segments": [],
}
TEXT = {"duckdb": "text", "spark": "string"}
# Those of dbt itself, of the adapter, and of the project. What comes later wins, as in dbt.
FOLDERS = ("global_project/macros/utils", "{engine}/macros/utils")
PROJECT = (
    *sorted(Path(ROOT, "macros/engine").glob("*.sql")),
    *(Path(ROOT, "macros", name) for name in ("units.sql", "intervals.sql", "fisher.sql")),
)


def macros(engine="duckdb", **variables):
    """The macros as functions that return SQL of an engine; the other arguments set dbt vars.

    Those of dbt and of the adapter are there too: dateadd stands for dbt.dateadd.
    """
    environment = jinja2.Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])
    # dbt ends a macro there; these macros return what they would have written.
    environment.globals["return"] = lambda value: value
    environment.globals["var"] = (VARIABLES | variables).get
    environment.globals["modules"] = SimpleNamespace(re=re)
    environment.globals["ref"] = lambda name: name
    found = {}

    def dispatch(name, package="dbt"):
        return found.get(f"{engine}__{name}") or found[f"default__{name}"]

    environment.globals["adapter"] = SimpleNamespace(dispatch=dispatch)
    environment.globals["dbt"] = Found(found)
    # What dbt asks of the adapter when a macro casts to a text.
    column = SimpleNamespace(translate_type=lambda name: {"string": TEXT[engine]}[name])
    environment.globals["api"] = SimpleNamespace(Column=column)
    text = "\n".join(file.read_text(encoding="utf-8") for file in files(engine))
    module = environment.from_string(text).module
    found.update({name: getattr(module, name) for name in dir(module) if not name.startswith("__")})
    return SimpleNamespace(**found)


def files(engine):
    """The files of macros, in the order in which the later one wins."""
    [*include] = dbt.include.__path__
    for folder in FOLDERS:
        for parent in include:
            yield from sorted(Path(parent, folder.format(engine=engine)).glob("*.sql"))
    yield from PROJECT


class Found:
    """A namespace whose names are looked up when they are called."""

    def __init__(self, names):
        self.names = names

    def __getattr__(self, name):
        return self.names[name]
