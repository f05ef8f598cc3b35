"""Adding a raw column, or a segment, as CONTRIBUTING shows it: by declaration, in one line each.

A copy of the project declares an orders column and a customers column, and splits reports by the
second. Then it is built and published as every night.
"""

import re

import duckdb
import pytest
import yaml
from conftest import ROOT, project_copy, run_build, run_dbt

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
COUPON, DEVICE = re.findall(r"(?m)^- \{name: .*pass_through.*\}$", CONTRIBUTING)


def declare(project, table, column):
    """Add a line to the contract of a raw table."""
    file = project / "models/staging/_sources.yml"
    text = file.read_text()
    first = text.index("        columns:\n", text.index(f"      - name: {table}\n"))
    first += len("        columns:\n")
    file.write_text(f"{text[:first]}          {column}\n{text[first:]}")


def raw_files(folder):
    """Two customers and their orders, with the two new columns, and a merged account."""
    for table, lines in {
        "orders": [
            "order_id,customer_id,ordered_at,amount,coupon_code",
            "o1,c1,2025-01-05,10,SPRING",
            "o2,c2,2025-01-06,20,",
            "o3,c1,2025-02-05,30,",
        ],
        # c4 was merged into c3, who has no device of its own.
        "customers": [
            "customer_id,device,merged_into_customer_id",
            *("c1,phone,", "c2,,", "c3,,", "c4,tablet,c3"),
        ],
    }.items():
        (folder / table).mkdir(parents=True)
        (folder / table / "all.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pass-through")
    project = project_copy(folder / "project")
    declare(project, "orders", COUPON)
    declare(project, "customers", DEVICE)
    settings = project / "dbt_project.yml"
    text = settings.read_text()
    assert text.count("\n  segments:\n") == 1
    settings.write_text(text.replace("  segments:\n", "  segments:\n    - device\n"))
    raw_files(folder / "raw")
    build = run_build(folder / "raw", folder / "home", project=project)
    assert build.returncode == 0, build.stdout + build.stderr
    served = folder / "home/serve/current/tenure.duckdb"
    with duckdb.connect(served, read_only=True) as connection:
        yield connection


def test_a_declared_order_column_reaches_fct_orders(published):
    assert published.sql(
        "select order_id, coupon_code from core.fct_orders order by order_id"
    ).fetchall() == [("o1", "SPRING"), ("o2", None), ("o3", None)]


@pytest.mark.parametrize("table", ["core.dim_customers", "bi.customers"])
def test_a_declared_customer_column_reaches_dim_customers_and_its_view(published, table):
    assert published.sql(
        f"select customer_id, device from {table} order by customer_id"
    ).fetchall() == [("c1", "phone"), ("c2", "(none)"), ("c3", "tablet")]


def test_the_columns_carry_their_description(published):
    comments = published.sql(
        "select table_name, comment from duckdb_columns()"
        " where column_name in ('coupon_code', 'device') order by all"
    ).fetchall()
    coupon, device = (yaml.safe_load(line)[0]["description"] for line in (COUPON, DEVICE))
    assert comments == [("customers", device), ("dim_customers", device), ("fct_orders", coupon)]


@pytest.mark.parametrize(
    "report, measure",
    [("cohorts.rpt_repeat_purchase", "customers"), ("cohorts.rpt_order_cohorts", "orders")],
)
def test_reports_are_split_by_the_new_segment(published, report, measure):
    rows = published.sql(
        f"select segment_value, sum({measure}) from {report}"
        " where segment_name = 'device' and period_grain = 'year' group by all order by all"
    ).fetchall()
    expected = {"customers": [("(none)", 1), ("phone", 1)], "orders": [("(none)", 1), ("phone", 2)]}
    assert rows == expected[measure]


@pytest.fixture
def what_dbt_says(new_home, tmp_path):
    """What dbt says to a project that declares this column."""

    def say(table, column, *selected):
        project = project_copy(tmp_path / "project")
        declare(project, table, column)
        raw_files(tmp_path / "raw")
        excluded = ("--exclude-resource-type", "test", "unit_test")
        arguments = ("build", *excluded, "--select", *selected)
        done = run_dbt(tmp_path / "raw", new_home(), *arguments, project=project)
        assert done.returncode != 0
        return done.stdout

    return say


NOTE = "- {name: note, data_type: text, config: {meta: {pass_through: true}}, description: A note.}"


@pytest.mark.parametrize(
    "table, column, model, reason",
    [
        (
            *("refunds", NOTE, "stg_refund_records"),
            "refunds.note: only columns of orders and customers can be passed through",
        ),
        (
            *("orders", NOTE.replace("note", "net_amount"), "fct_orders"),
            "orders.net_amount: fct_orders has a column of this name already",
        ),
    ],
)
def test_a_column_that_cannot_be_passed_through_is_refused_by_name(
    what_dbt_says, table, column, model, reason
):
    assert reason in what_dbt_says(table, column, f"+{model}")
