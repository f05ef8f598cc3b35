"""Macros of the project as SQL, rendered without dbt, for tests of what they make of texts."""

import re
from pathlib import Path
from types import SimpleNamespace

import jinja2
from conftest import ROOT

VARIABLES = {"reporting_timezone": "UTC", "reporting_currency": "USD"}


def macros(**variables):
    """All macros of macros/engine as functions that return SQL; the arguments set dbt vars."""
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    # dbt ends a macro there; these macros return what they would have written.
    environment.globals["return"] = lambda value: value
    environment.globals["var"] = (VARIABLES | variables).get
    environment.globals["modules"] = SimpleNamespace(re=re)
    environment.globals["ref"] = lambda name: name
    engine = {}
    environment.globals["adapter"] = SimpleNamespace(
        dispatch=lambda name, package: engine[f"duckdb__{name}"]
    )
    files = sorted(Path(ROOT, "macros/engine").glob("*.sql"))
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    module = environment.from_string(text).module
    engine.update({name: getattr(module, name) for name in dir(module) if not name.startswith("_")})
    return SimpleNamespace(**engine)
