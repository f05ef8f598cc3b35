"""Laws hold on shops that are rare but right: a law that fails there stops a night for nothing.

One shop has all rare cases. A wrong edit of a model is the other side: test_wrong_edits.py.
"""

import pytest
from shops.landing_zone import plainly
from shops.published_shops import AS_OF, row

# In a currency with small units, revenue is large. In doubles, 25 / 39 * 39 is a bit more than 25.
LARGE = [
    row("stays", "2023-01-10", 25_000_000_000),
    row("leaves", "2023-01-10", 14_000_000_000, ended_at="2024-06-10"),
]

LAWS = [
    "rpt_mrr__trailing_year_is_of_the_same_customers",
]


@pytest.fixture(scope="module")
def rare_shop(warehouse):
    models = ["+rpt_mrr", "+fct_customer_months"]
    warehouse.fill(
        plainly({"subscriptions": with_all_columns(LARGE)}),
        *("--select", *models),
        variables={"as_of_date": AS_OF.isoformat()},
    )
    return warehouse


def with_all_columns(rows):
    """The rows with the same columns each, in the order in which the rows name them."""
    columns = dict.fromkeys(name for row in rows for name in row)
    return [dict.fromkeys(columns) | row for row in rows]


@pytest.mark.parametrize("law", LAWS)
def test_a_law_holds_on_a_rare_shop(law, rare_shop):
    [result] = rare_shop.dbt(
        "test", "--select", law, variables={"as_of_date": AS_OF.isoformat()}
    ).results
    assert str(result.status) == "pass"
