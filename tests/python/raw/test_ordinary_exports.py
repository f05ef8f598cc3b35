"""Situations that ordinary exports bring, built from files, and what the marts then show.

The situations are in ordinary_exports.yml. A shop in which every order costs the same is built
alone, because its fits are those of the whole shop.
"""

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
import yaml
from conftest import run_build

CASES = yaml.safe_load(Path(__file__).with_name("ordinary_exports.yml").read_text(encoding="utf-8"))
AS_OF = {"as_of_date": "2025-07-01"}


@pytest.fixture(scope="module")
def home(new_home):
    return new_home()


@pytest.fixture(scope="module")
def build(home, tmp_path_factory):
    """One build of the files of all cases."""
    raw = tmp_path_factory.mktemp("raw")
    for case in CASES:
        for name, text in case["files"].items():
            path = raw / name
            path.parent.mkdir(exist_ok=True)
            assert not path.exists(), name
            path.write_text(text, encoding="utf-8")
    done = run_build(raw, home, AS_OF)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def published(build, home):
    with duckdb.connect(home / "serve/current/tenure.duckdb", read_only=True) as connection:
        yield connection


@pytest.mark.parametrize("case", CASES, ids=[case["name"].replace(" ", "-") for case in CASES])
def test_ordinary_exports_come_out_right(case, published, build):
    for table, where, column, value in case.get("right", []):
        found = published.execute(
            f"select ({column})::varchar from {table} where {where}"
        ).fetchall()
        assert found == [(value,)], f"{table} where {where}: {column}"
    for words in case.get("says", []):
        assert f"warning: {words}" in build


def test_a_shop_with_one_price_has_that_price_as_expected_value(new_home, tmp_path):
    lines = ["order_id,customer_id,ordered_at,amount"]
    first = date(2024, 1, 1)
    for customer in range(120):
        # Every second customer comes back, each after another time.
        for number in range(1 + customer % 2 * (1 + customer % 5)):
            day = first + timedelta(days=customer * 2 + number * (10 + customer % 7))
            lines.append(f"o{len(lines)},c{customer:03},{day},7.50")
    write(tmp_path / "orders/one-price.csv", lines)
    home = new_home()
    done = run_build(tmp_path, home, AS_OF)
    assert done.returncode == 0, done.stdout + done.stderr
    with duckdb.connect(home / "serve/current/tenure.duckdb", read_only=True) as connection:
        [found] = connection.execute(
            "select min(expected_order_value)::varchar, max(expected_order_value)::varchar,"
            " count(*), count(predicted_clv) from clv.fct_customer_value"
        ).fetchall()
    assert found == ("7.50", "7.50", 120, 120)


HEADING = "order_id,customer_id,ordered_at,amount,currency,is_test"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "no order record"),
        (["o1,c1,yesterday,5.00,USD,"], "order records rejected: 1, ordered_at is not a time"),
        (["o1,c1,2025-01-01,5.00,XXX,"], "order records rejected: 1, currency has no exchange"),
        (["o1,c1,2998-01-01,5.00,USD,", "o2,c1,2999-01-01,5.00,USD,"], "order records accepted: 2"),
        (["o1,c1,2025-01-01,5.00,USD,true"], "order records accepted: 1, a test, deleted, or not"),
    ],
    ids=["heading only", "all rejected", "no rate", "all in the future", "all tests"],
)
def test_a_shop_without_a_usable_row_says_so(lines, reason, new_home, tmp_path):
    write(tmp_path / "orders/nothing.csv", [HEADING, *lines])
    home = new_home()
    done = run_build(tmp_path, home)
    assert done.returncode == 1
    assert "The raw files hold no order and no subscription that can be used:" in done.stdout
    assert reason in done.stdout
    assert "Correct the files" in done.stdout
    assert " test " not in done.stdout.partition("nothing was published")[2].replace("a test,", "")
    assert not (home / "serve/current").exists()


def write(path, lines):
    path.parent.mkdir(parents=True)
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
