"""The comparer: what it finds between two files, and what it lets pass."""

import duckdb
import pytest
from conftest import ROOT

from comparison import Renames, compare
from comparison.keys import published_keys
from comparison.report import Allowed, UnknownTableError, report

KEYS = {"core.customers": ["customer_id", "day"]}
ROWS = {
    "customer_id": "'c' || i",
    "day": "case when i > 0 then date '2025-01-01' + i::integer end",
    "amount": "(i * 10.25)::decimal(18, 2)",
    "rate": "1 / (i + 3.0)",
    "is_active": "i > 1",
}


def file(tmp_path, name, rows=None, where="true"):
    """A file with one table of four rows; `rows` changes the SQL of its columns."""
    columns = ", ".join(
        f"{sql} as {column}" for column, sql in (ROWS | (rows or {})).items() if sql
    )
    path = tmp_path / f"{name}.duckdb"
    path.unlink(missing_ok=True)
    with duckdb.connect(path) as connection:
        connection.execute("create schema core")
        connection.execute(
            f"create table core.customers as select {columns} from range(4) as numbers (i)"
            f" where {where}"
        )
    return path


def found(tmp_path, rows=None, where="true", renames=None):
    before, after = file(tmp_path, "before"), file(tmp_path, "after", rows, where)
    return [str(difference) for difference in compare(before, after, KEYS, renames)]


def test_the_same_rows_in_another_order_do_not_differ(tmp_path):
    before = file(tmp_path, "before")
    after = file(tmp_path, "after")
    with duckdb.connect(after) as connection:
        connection.execute("create table core.c as from core.customers order by day desc")
        connection.execute("drop table core.customers; alter table core.c rename to customers")
    assert compare(before, after, KEYS) == []


@pytest.mark.parametrize(
    "rows, where, expected",
    [
        (
            {"amount": "(i * 10.25 + case i when 2 then 0.01 else 0 end)::decimal(18, 2)"},
            "true",
            "core.customers: values of amount: 1 rows, such as customer_id c2, day 2025-01-03:"
            " 20.50 before, 20.51 after",
        ),
        (
            {"is_active": "case when i > 2 then true when i < 2 then false end"},
            "true",
            "core.customers: values of is_active: 1 rows, such as customer_id c2, day 2025-01-03:"
            " True before, None after",
        ),
        (
            {"rate": "1 / (i + 3.0) * (1 + 1e-9)"},
            "true",
            "core.customers: values of rate: 4 rows, such as customer_id c0, day None:"
            " 0.3333333333333333 before, 0.3333333336666667 after",
        ),
        (
            {},
            "i <> 1",
            "core.customers: rows only before: 1 rows, such as customer_id c1, day 2025-01-02",
        ),
        ({"rate": None}, "true", "core.customers: column rate only before: 0 rows"),
        (
            {"amount": "(i * 10.25)::decimal(18, 4)"},
            "true",
            "core.customers: type of amount: DECIMAL(18,2), now DECIMAL(18,4): 0 rows",
        ),
    ],
)
def test_a_difference_names_table_column_and_row(tmp_path, rows, where, expected):
    assert found(tmp_path, rows, where) == [expected]


def test_a_row_that_stands_twice_is_a_difference(tmp_path):
    before, after = file(tmp_path, "before"), file(tmp_path, "after")
    with duckdb.connect(after) as connection:
        connection.execute(
            "insert into core.customers from core.customers where customer_id = 'c3'"
        )
    [difference] = compare(before, after, KEYS)
    assert (difference.what, difference.rows) == ("rows only after", 1)


def test_the_last_digits_of_a_double_may_differ(tmp_path):
    assert found(tmp_path, {"rate": "1 / (i + 3.0) * (1 + 1e-15)"}) == []


@pytest.mark.parametrize("left, differences", [("1e-16", 0), ("1e-14", 1)])
def test_what_the_last_digits_leave_of_equal_rates_is_no_difference(tmp_path, left, differences):
    before = file(tmp_path, "before", {"rate": "0e0"})
    after = file(tmp_path, "after", {"rate": f"{left}::double"})
    assert len(compare(before, after, KEYS)) == differences


def test_names_that_changed_on_purpose_are_no_difference(tmp_path):
    renames = Renames(
        {"core.customers": {"is_active": "status"}},
        {"core.customers.status": {"true": "active", "false": "lost"}},
    )
    rows = {"is_active": None, "status": "case when i > 1 then 'active' else 'lost' end"}
    before = file(tmp_path, "before", {"is_active": "(i > 1)::varchar"})
    assert compare(before, file(tmp_path, "after", rows), KEYS, renames) == []


def test_a_column_that_is_new_on_purpose_is_no_difference(tmp_path):
    renames = Renames(added={"core.customers": ["country"]})
    assert found(tmp_path, {"country": "'DE'"}, renames=renames) == []
    assert found(tmp_path, {"country": "'DE'"}) == [
        "core.customers: column country only after: 0 rows"
    ]


@pytest.mark.parametrize("kind", ["table", "view"])
def test_a_table_that_is_new_on_purpose_is_no_difference(tmp_path, kind):
    before, after = file(tmp_path, "before"), file(tmp_path, "after")
    with duckdb.connect(after) as connection:
        connection.execute("create schema bi")
        connection.execute(f"create {kind} bi.customers as select * from core.customers")
    assert compare(before, after, KEYS, Renames(added={"bi.customers": []})) == []
    assert [str(difference) for difference in compare(before, after, KEYS)] == [
        "bi.customers: table only after: 0 rows"
    ]


def test_a_view_is_compared_like_a_table(tmp_path):
    files = file(tmp_path, "before"), file(tmp_path, "after")
    for path, where in zip(files, ["true", "i > 1"], strict=True):
        with duckdb.connect(path) as connection:
            connection.execute("create schema bi")
            connection.execute(
                "create view bi.customers as select customer_id, day from core.customers"
                f" where {where.replace('i >', 'amount >')}"
            )
    keys = KEYS | {"bi.customers": ["customer_id", "day"]}
    assert [difference.table for difference in compare(*files, keys)] == ["bi.customers"]


def test_the_largest_difference_is_the_example_and_its_customers_are_named(tmp_path):
    more = "(i * 10.25 + case when i > 1 then i else 0 end)::decimal(18, 2)"
    before, after = file(tmp_path, "before"), file(tmp_path, "after", {"amount": more})
    [difference] = compare(before, after, KEYS)
    assert difference.example.startswith("customer_id c3")
    assert difference.customers == ("c2", "c3")
    assert report("shop", [difference], Allowed.read("", KEYS))[-1] == (
        "2 customers behind it: c2, c3"
    )


@pytest.mark.parametrize(
    "allow, is_allowed",
    [
        ("customers.amount", True),
        ("core.customers.amount", True),
        ("customers", True),
        ("customers.rate, core.customers", True),
        ("customers.rate", False),
        ("", False),
    ],
)
def test_what_is_named_may_move(tmp_path, allow, is_allowed):
    before = file(tmp_path, "before")
    after = file(tmp_path, "after", {"amount": "(i * 11)::decimal(18, 2)"})
    [difference] = compare(before, after, KEYS)
    assert Allowed.read(allow, KEYS).allows(difference) == is_allowed


def test_a_table_that_nobody_publishes_cannot_be_allowed():
    with pytest.raises(UnknownTableError, match=r"ALLOW=custmers\.amount"):
        Allowed.read("custmers.amount", KEYS)


def test_the_report_of_a_pull_request_is_a_table(tmp_path):
    before = file(tmp_path, "before")
    after = file(tmp_path, "after", {"amount": "(i * 11)::decimal(18, 2)"})
    lines = report("shop", compare(before, after, KEYS), Allowed.read("", KEYS), "markdown")
    assert lines[0] == "### shop: 1 difference"
    assert lines[3] == "|---|---|---:|---|"
    assert lines[4].startswith("| core.customers | values of amount | 3 | customer_id c3")


def test_every_mart_has_a_key_to_compare_by(manifest):
    marts = {
        f"{node['schema']}.{node['name']}"
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and "/marts/" in node["original_file_path"]
    }
    written = {"meta.builds", "meta.restatements", "meta.reported_values"}
    assert published_keys(ROOT).keys() == marts | written
