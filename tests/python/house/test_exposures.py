"""The exposures name the readers of the marts, and the tables that each of them reads.

A board or an example that reads another table fails here, until its exposure says so.
"""

import re
from pathlib import Path

import pytest
import yaml
from conftest import BOARDS, HISTORY, ROOT


@pytest.fixture(scope="module")
def exposures(manifest) -> dict[str, set[str]]:
    """The tables that each exposure depends on, as schema.table, by its name."""
    return {
        exposure["name"]: {
            f"{manifest['nodes'][node]['schema']}.{manifest['nodes'][node]['name']}"
            for node in exposure["depends_on"]["nodes"]
        }
        for exposure in manifest["exposures"].values()
    }


def marts(manifest) -> set[str]:
    return {
        f"{node['schema']}.{node['name']}"
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
        and node["original_file_path"].startswith("models/marts")
    }


def queries(file: Path) -> list[str]:
    """The SQL of a board, and of the file that it extends."""
    board = yaml.safe_load(file.read_text(encoding="utf-8"))
    shared = queries(file.parent / board["extends"]) if "extends" in board else []
    return [*shared, *(str(query) for query in board.get("queries", {}).values())]


def tables(sql: str) -> set[str]:
    """The names after FROM and JOIN that have a schema, without the tables of HISTORY.

    The publisher makes those, so dbt does not know them.
    """
    found = re.findall(r"(?i)\b(?:from|join)\s+([a-z_]+\.[a-z_0-9]+)", sql)
    return {name.lower() for name in found} - HISTORY


def test_a_board_reads_the_tables_of_its_exposure_and_no_other_one(exposures, manifest):
    found = {
        f"board_{board}": set().union(
            *(tables(sql) for sql in queries(ROOT / "charts" / f"{board}.yml"))
        )
        for board in BOARDS
    }
    assert set().union(*found.values()) <= marts(manifest)
    assert found == {name: exposures.get(name) for name in found}


def test_every_board_has_an_exposure_and_every_exposure_a_board(exposures):
    assert {f"board_{board}" for board in BOARDS} == {
        name for name in exposures if name.startswith("board_")
    }


def examples() -> dict[str, str]:
    """The code of each example of docs/bi.md, and the files of the bundle, by the heading."""
    page = (ROOT / "docs/bi.md").read_text(encoding="utf-8")
    code = {
        section.splitlines()[0]: "".join(re.findall(r"(?ms)^```\w+\n(.*?)^```$", section))
        for section in re.split(r"(?m)^## ", page)[1:]
    }
    datasets = (ROOT / "deploy/superset/datasets").rglob("*.yaml")
    code["Superset"] += " ".join(file.stem for file in datasets)
    return {name: text for name, text in code.items() if re.match(r"(pip|npm) install", text)}


def test_an_example_of_docs_bi_reads_the_tables_of_its_exposure_and_no_other_one(
    exposures, manifest
):
    tools = {
        one["label"]: exposures[one["name"]]
        for one in manifest["exposures"].values()
        if one["name"].startswith("tool_")
    }
    # The name of the schema may stand elsewhere: table("mrr_by_month", database="bi").
    assert tools == {
        name: {mart for mart in marts(manifest) if re.search(rf"\b{mart.split('.')[1]}\b", code)}
        for name, code in examples().items()
    }


def test_every_exposure_says_what_it_is(manifest):
    assert manifest["exposures"]
    for exposure in manifest["exposures"].values():
        assert exposure["type"] in ("dashboard", "notebook", "application"), exposure["name"]
        assert exposure["label"] and exposure["description"], exposure["name"]
        assert exposure["owner"]["name"] and exposure["maturity"], exposure["name"]
        # The board of restatements reads only what the publisher writes.
        if exposure["name"] != "board_restatements":
            assert exposure["depends_on"]["nodes"], exposure["name"]
        assert re.match(r"(board|tool)_", exposure["name"]), exposure["name"]


def test_tables_are_found_where_sql_reads_them():
    sql = "with a as (select 1 from x) select a.b from core.fct_orders as o join\n bi.customers"
    assert tables(sql) == {"core.fct_orders", "bi.customers"}
    assert tables("select * from a join meta.builds on a.x = churn.y") == set()
