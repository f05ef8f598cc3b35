"""Situations that ordinary exports bring, built from files, and what the marts then show.

The situations are in ordinary_exports.yml. Shops in which every order costs the same are among the
shops of bad luck (numbers/bad_luck.py), because their fits are those of a whole shop.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from orchestration.guarding.guards import evaluate
from orchestration.guarding.thresholds import thresholds

CASES = yaml.safe_load(Path(__file__).with_name("ordinary_exports.yml").read_text(encoding="utf-8"))
AS_OF = {"as_of_date": "2025-07-01"}


@pytest.fixture(scope="module")
def built(warehouse):
    """The warehouse with the files of all cases: all models, and their tests."""

    def write_files(raw_dir):
        for case in CASES:
            for name, text in case["files"].items():
                path = raw_dir / name
                path.parent.mkdir(exist_ok=True)
                assert not path.exists(), name
                path.write_text(text, encoding="utf-8")

    left_out = ("unit_test", "seed")
    arguments = [word for kind in left_out for word in ("--exclude-resource-type", kind)]
    warehouse.fill(write_files, *arguments, command="build", variables=AS_OF)
    return warehouse


@pytest.fixture(scope="module")
def warned(built, manifest):
    """What the guards say before a night publishes this."""
    results = evaluate(thresholds(manifest), built.file, built.folder / "none", datetime.now(UTC))
    return [result.message for result in results if result.severity == "warn"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"].replace(" ", "-") for case in CASES])
def test_ordinary_exports_come_out_right(case, built, warned):
    for table, where, column, value in case.get("right", []):
        found = built.query(f"select ({column})::varchar from {table} where {where}")
        assert found == [(value,)], f"{table} where {where}: {column}"
    for words in case.get("says", []):
        assert words in warned


HEADING = "order_id,customer_id,ordered_at,amount,currency,is_test"
NOTHING_USABLE = {
    "heading only": ([], "no order record"),
    "no rate": (["o1,c1,2025-01-01,5.00,XXX,"], "order records rejected: 1, currency has no"),
    "all in the future": (["o1,c1,2998-01-01,5.00,USD,"], "order records accepted: 1, a test,"),
    "all tests": (["o1,c1,2025-01-01,5.00,USD,true"], "order records accepted: 1, a test,"),
}


@pytest.mark.parametrize(("lines", "reason"), NOTHING_USABLE.values(), ids=NOTHING_USABLE.keys())
def test_a_shop_without_a_usable_row_says_so(lines, reason, warehouse):
    def write_file(raw_dir):
        (raw_dir / "orders").mkdir()
        (raw_dir / "orders/nothing.csv").write_text("\n".join([HEADING, *lines, ""]), "utf-8")

    with pytest.raises(AssertionError) as failed:
        warehouse.fill(write_file, "--select", "+int_as_of")
    said = str(failed.value)
    assert "The raw files hold no order and no subscription that can be used:" in said
    assert reason in said
    assert "Correct the files" in said
