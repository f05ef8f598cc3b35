"""models/semantics/: what each metric says of itself, and that docs/semantic-layer.md lists it.

dbt checks the form of semantic models and metrics when it parses the project. The numbers are
compared with the marts in readers/test_semantic_layer.py, which needs MetricFlow.
"""

import re

import pytest
from conftest import MARTS, ROOT

PAGE = ROOT / "docs" / "semantic-layer.md"
COMPLETE_MONTHS = "Dimension('calendar__is_month_complete')"


@pytest.fixture(scope="module")
def metrics(manifest):
    found = {metric["name"]: metric for metric in manifest["metrics"].values()}
    assert len(found) > 25
    return found


@pytest.fixture(scope="module")
def models(manifest):
    """The semantic models, and the published table that each one reads."""
    return [
        (model, manifest["nodes"][table])
        for model in manifest["semantic_models"].values()
        for table in model["depends_on"]["nodes"]
    ]


def test_a_description_is_one_sentence_and_names_what_is_published(metrics, manifest):
    published = {
        f"{node['name']}{suffix}"
        for node in manifest["nodes"].values()
        if f"{node['schema']}.{node['name']}" in MARTS
        for suffix in ["", *(f".{column}" for column in node["columns"])]
    }
    for name, metric in metrics.items():
        text = metric["description"]
        assert text.endswith(".") and ". " not in text, name
        assert len(text.split()) <= 25, name
        named = re.findall(r"\b(?:dim|fct|rpt)_\w+(?:\.\w+)?", text)
        assert named and set(named) <= published, name


def test_a_semantic_model_reads_a_published_table_and_its_columns(models):
    for model, table in models:
        assert f"{table['schema']}.{table['name']}" in MARTS
        assert model["description"], model["name"]
        assert all(dimension["description"] for dimension in model["dimensions"]), model["name"]
        for part in ("entities", "dimensions", "measures"):
            for element in model[part]:
                words = re.findall(r"\w+", element["expr"] or element["name"])
                assert {*words} & {*table["columns"]}, (model["name"], element["name"])


def test_no_metric_counts_a_running_month(metrics):
    """It would look like a fall. A metric that is made of other metrics has their months."""
    for name, metric in metrics.items():
        if metric["type"] == "simple":
            filters = [filter["where_sql_template"] for filter in metric["filter"]["where_filters"]]
            assert any(COMPLETE_MONTHS in text for text in filters), name


def test_no_time_is_finer_than_a_month(models):
    """A week or a day beside the end of the last complete month would hold a part of its orders."""
    for model, _ in models:
        for dimension in model["dimensions"]:
            if dimension["type"] == "time":
                assert dimension["type_params"]["time_granularity"] == "month"


def test_the_page_lists_every_metric(metrics):
    page = PAGE.read_text(encoding="utf-8")
    tables = page.partition("\n## The metrics\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| `(\w+)` \| (.+) \|$", tables, re.M)
    assert sorted(lines) == sorted(
        (name, metric["description"]) for name, metric in metrics.items()
    )


def test_the_extra_brings_other_packages_and_no_other_versions():
    def versions(file):
        text = (ROOT / file).read_text(encoding="utf-8")
        return dict(re.findall(r"^([a-z0-9._-]+(?:\[\w+\])?)==(\S+)", text, re.M))

    ours, extra = versions("requirements.lock"), versions("requirements-metrics.lock")
    assert ours.items() <= extra.items()
    assert "dbt-metricflow" in extra
