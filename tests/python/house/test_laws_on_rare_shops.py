"""Laws hold on shops that are rare but right: a law that fails there stops a night for nothing.

One shop has all rare cases. A wrong edit of a model is the other side: test_wrong_edits.py.
"""

import pytest
from shops.landing_zone import plainly
from shops.published_shops import AS_OF, row

# What is rare, by the laws that it put to the test.
LAWS = {
    "source_files__every_amount_is_accounted_for": "amounts of another form",
    "rpt_mrr__trailing_year_is_of_the_same_customers": "recurring revenue of billions",
    "int_subscription_versions_priced__running_items_pay_their_price": "five cents a year",
    "row_outcomes__accounts_for_every_refunded_amount": "a last cent for another currency",
    "fct_orders__are_refunded_up_to_their_amount": "a last cent for another currency",
}
MODELS = ["rpt_mrr", "fct_customer_months", "fct_orders", "row_outcomes", "source_files"]
VARIABLES = {"as_of_date": AS_OF.isoformat()}

SUBSCRIPTIONS = [
    # In doubles, 25 / 39 * 39 is a bit more than 25. A currency with small units has such amounts.
    row("stays", "2023-01-10", 25_000_000_000),
    row("leaves", "2023-01-10", 14_000_000_000, ended_at="2024-06-10"),
    # 0.05 / 12 is 0.00 a month, so nothing is paid.
    row("five cents a year", "2023-01-10", "0.05", billing_interval="year"),
]


def order(order_id, amount, **further):
    return {
        "order_id": order_id,
        "customer_id": "c1",
        "ordered_at": "2024-01-10",
        "amount": amount,
        **further,
    }


def refund(refund_id, order_id, refunded_at, amount, currency):
    return {
        "refund_id": refund_id,
        "order_id": order_id,
        "refunded_at": refunded_at,
        "amount": amount,
        "currency": currency,
    }


ORDERS = [
    order("pounds", "10.00"),
    order("dinars", "10.00"),
    # Numbers for a program, but not of the form of the contract.
    order("half", "-.5"),
    order("whole", "5."),
    order("signed", "+12.50"),
    order("filled up", "000000000000012.50"),
]
# A pound is 1.27 dollars then, and a dinar is 2.65 dollars.
REFUNDS = [
    refund("r1", "pounds", "2024-01-11", "9.99", "USD"),
    refund("r2", "pounds", "2024-01-12", "1.65", "GBP"),
    refund("r3", "dinars", "2024-01-11", "9.99", "USD"),
    refund("r4", "dinars", "2024-01-12", "0.999", "BHD"),
]
RATES = [{"rate_date": "2024-01-01", "currency": "BHD", "rate": "2.65"}]

# Each of these laws fails if its report lacks a grain for which there is something to count.
LAWS_OF_GRAINS = {
    "rpt_order_cohorts": "adds_up_to_orders",
    "rpt_repeat_purchase": "cohorts_add_up",
    "rpt_subscription_cohorts": "adds_up_to_rpt_mrr",
    "rpt_subscription_survival": "is_a_life_table",
    "rpt_clv_by_cohort": "adds_up",
    "rpt_retention_rates": "counts_every_day_at_risk",
}


@pytest.fixture(scope="module")
def rare_shop(warehouse):
    shop = {
        "subscriptions": with_all_columns(SUBSCRIPTIONS),
        "orders": with_all_columns(ORDERS),
        "refunds": REFUNDS,
        "exchange_rates": RATES,
    }
    warehouse.fill(
        plainly(shop), "--select", *(f"+{model}" for model in MODELS), variables=VARIABLES
    )
    return warehouse


def with_all_columns(rows):
    """The rows with the same columns each."""
    columns = dict.fromkeys(name for row in rows for name in row)
    return [dict.fromkeys(columns) | row for row in rows]


@pytest.mark.parametrize("law", LAWS)
def test_a_law_holds_on_a_rare_shop(law, rare_shop):
    [result] = rare_shop.dbt("test", "--select", law, variables=VARIABLES).results
    assert str(result.status) == "pass", LAWS[law]


def test_an_amount_of_another_form_is_rejected(rare_shop):
    assert rare_shop.query(
        "select records from meta.row_outcomes where outcome = 'rejected' and table_name = 'orders'"
    ) == [(4,)]


def test_what_rounds_to_nothing_a_month_never_pays(rare_shop):
    [(reason, records)] = rare_shop.query(
        "select reason, records from meta.row_outcomes where reason like 'has never paid%'"
    )
    assert (reason, records) == ("has never paid: amount less discount is 0.00 a month", 1)


def test_the_last_cent_of_an_order_is_paid_back_in_any_currency(rare_shop):
    found = rare_shop.query(
        "select order_id, refunded_amount::text, net_amount::text from core.fct_orders order by all"
    )
    assert found == [("dinars", "10.00", "0.00"), ("pounds", "10.00", "0.00")]


@pytest.mark.parametrize(
    "shop",
    [
        {"orders": [order("o1", "10.00")]},
        {"subscriptions": [row("s1", "2024-01-10", 10)]},
        {"orders": [order("o1", "10.00") | {"customer_id": None}]},
    ],
    ids=["no subscriptions", "no orders", "a guest"],
)
def test_a_report_may_be_empty_where_there_is_nothing_to_count(shop, warehouse):
    """These tests come last, since they fill the warehouse of all others."""
    models = [*MODELS, "fct_customer_value", "fct_subscription_spells", *LAWS_OF_GRAINS]
    warehouse.fill(
        plainly(shop), "--select", *(f"+{model}" for model in models), variables=VARIABLES
    )
    laws = [f"{report}__{law}" for report, law in LAWS_OF_GRAINS.items()]
    results = warehouse.dbt("test", "--select", *laws, variables=VARIABLES).results
    assert [str(result.status) for result in results] == ["pass"] * len(laws)
