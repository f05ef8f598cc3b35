"""What differs between engines stands in macros/engine, and for each engine."""

import re

import pytest
from conftest import ROOT

ENGINES = ("duckdb", "spark")
# Both engines have them, with the same name and the same meaning. Add one after a look at both.
FUNCTIONS = {
    *("abs", "avg", "ceiling", "coalesce", "concat_ws", "exp", "extract", "floor", "greatest"),
    *("least", "length", "ln", "lower", "median", "nullif", "power", "replace", "round", "sqrt"),
    *("translate", "count", "max", "min", "sum", "grouping", "dense_rank", "first_value", "lag"),
    *("last_value", "lead", "ntile", "rank", "row_number", "cast"),
}
# Words before a parenthesis that are no functions.
WORDS = {
    *("and", "as", "by", "case", "decimal", "distinct", "else", "exists", "filter", "from", "in"),
    *(
        "cube",
        "join",
        "not",
        "on",
        "or",
        "over",
        "rollup",
        "select",
        "sets",
        "then",
        "union",
        "when",
        "where",
        "with",
    ),
    *("all", "interval", "date", "group", "having"),
}
# Both engines have them too, but with other types or another last digit. A law may use them.
FUNCTIONS_OF_LAWS = {"date_trunc", "percentile_disc", "substr", "try_cast", "upper"}


def of_project(manifest):
    return {
        macro["name"]: macro["macro_sql"]
        for macro in manifest["macros"].values()
        if macro["package_name"] == "tenure"
    }


def without_a_twin(macros):
    """The macros that dispatch to an engine for which there is none of that name."""
    dispatched = re.findall(r"adapter\.dispatch\('(\w+)', 'tenure'\)", "\n".join(macros.values()))
    return sorted(
        f"{engine}__{name}"
        for name in dispatched
        for engine in ENGINES
        if f"{engine}__{name}" not in macros
    )


def without_a_dispatch(macros, of_dbt):
    """The macros of an engine to which nothing leads."""
    return sorted(
        name
        for name in macros
        if name.partition("__")[0] in ENGINES
        and name.partition("__")[2] not in macros.keys() | of_dbt
    )


def test_every_dispatched_macro_has_both_twins(manifest):
    macros = of_project(manifest)
    assert "spark__local_date" in macros
    assert without_a_twin(macros) == []


def test_every_macro_of_an_engine_is_dispatched(manifest):
    of_dbt = {
        macro["name"] for macro in manifest["macros"].values() if macro["package_name"] != "tenure"
    }
    assert without_a_dispatch(of_project(manifest), of_dbt) == []


def test_a_missing_twin_is_found():
    macros = {
        "trimmed": "{{ return(adapter.dispatch('trimmed', 'tenure')(text)) }}",
        "duckdb__trimmed": "trim({{ text }})",
        "spark__lost": "x",
    }
    assert without_a_twin(macros) == ["spark__trimmed"]
    assert without_a_dispatch(macros, {"dateadd"}) == ["spark__lost"]


def foreign_functions(sql):
    """The functions in a model's SQL that not both engines are known to have."""
    sql = re.sub(r"\{#.*?#\}|\{%.*?%\}|--[^\n]*", " ", sql, flags=re.DOTALL)
    # A macro is looked at by itself, and what it is given is a text.
    sql = re.sub(r"\{\{.*?\}\}|'[^']*'", " x ", sql, flags=re.DOTALL)
    return set(re.findall(r"\b([a-z_]\w*)\s*\(", sql.lower())) - FUNCTIONS - WORDS - names(sql)


def names(sql):
    """The names of common table expressions and windows that stand before a parenthesis."""
    return set(re.findall(r"\b(\w+) (?:\([\w\s,]*\) )?as \(", sql.lower()))


@pytest.mark.parametrize(
    ("folder", "others"),
    [("models/intermediate", set()), ("models/marts", set()), ("tests/data", FUNCTIONS_OF_LAWS)],
)
def test_no_query_below_staging_calls_a_function_of_one_engine(folder, others):
    files = sorted((ROOT / folder).rglob("*.sql"))
    found = {
        file.stem: sorted(functions)
        for file in files
        if (functions := foreign_functions(file.read_text(encoding="utf-8")) - others)
    }
    assert files
    assert found == {}


def test_a_function_of_one_engine_is_found():
    sql = "with a as (select list_sort(x), sum(y) over (order by z) from t) select {{ f(x) }}"
    assert foreign_functions(sql) == {"list_sort"}
