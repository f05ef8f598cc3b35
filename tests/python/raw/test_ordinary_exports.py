"""Situations that ordinary exports bring, built from files, and what the marts then show.

The situations are in ordinary_exports.yml. Shops in which every order costs the same are among the
shops of bad luck (numbers/bad_luck.py), because their fits are those of a whole shop.
"""

from pathlib import Path

import duckdb
import pytest
import yaml
from conftest import run_build, run_dbt

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


HEADING = "order_id,customer_id,ordered_at,amount,currency,is_test"
NOTHING_USABLE = {
    "heading only": ([], "no order record"),
    "no rate": (["o1,c1,2025-01-01,5.00,XXX,"], "order records rejected: 1, currency has no"),
    "all in the future": (["o1,c1,2998-01-01,5.00,USD,"], "order records accepted: 1, a test,"),
    "all tests": (["o1,c1,2025-01-01,5.00,USD,true"], "order records accepted: 1, a test,"),
}


@pytest.fixture(scope="module")
def dbt_home(tmp_path_factory):
    """One home for all of these shops, so that dbt parses once."""
    return tmp_path_factory.mktemp("home")


@pytest.mark.parametrize(("lines", "reason"), NOTHING_USABLE.values(), ids=NOTHING_USABLE.keys())
def test_a_shop_without_a_usable_row_says_so(lines, reason, dbt_home, tmp_path):
    write(tmp_path / "orders/nothing.csv", [HEADING, *lines])
    arguments = ("build", "--select", "+int_as_of", "--exclude-resource-type=unit_test")
    done = run_dbt(tmp_path, dbt_home, *arguments)
    assert done.returncode == 1
    assert "The raw files hold no order and no subscription that can be used:" in done.stdout
    assert reason in done.stdout
    assert "Correct the files" in done.stdout


def write(path, lines):
    path.parent.mkdir(parents=True)
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
