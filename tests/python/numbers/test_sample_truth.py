"""The marts of the sample say what its generator knows: data/sample_truth, made without SQL.

When they differ, the definitions decide. The truth is never copied from the models.
"""

import csv
from collections import defaultdict
from decimal import Decimal

import pytest
from conftest import ROOT
from onboarding_oracle import newcombe


def truth(name):
    """The lines of a truth file, as dicts of texts."""
    with (ROOT / "data" / "sample_truth" / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def compare(served, name, query):
    """Compare a truth file with a query that has the same columns, row by row."""
    told = served.sql(query)
    expected = truth(name)
    assert told.columns == list(expected[0])
    # As texts: an amount has two digits after the point on both sides.
    lines = [["" if value is None else str(value) for value in row] for row in told.fetchall()]
    assert sorted(lines) == sorted(list(line.values()) for line in expected)


def test_orders_by_month(served):
    expected = truth("orders_by_month")
    columns = ["month", "buyer", "orders", "amount"]
    columns += ["discount_amount", "tax_amount", "shipping_amount"]
    months = served.sql(
        "select date_trunc('month', order_date)::date,"
        " if(customer_id is null, 'guest', 'customer'), count(*), sum(amount),"
        # Of two guests in a month, the shop delivered no shipping.
        " sum(discount_amount), sum(tax_amount), coalesce(sum(shipping_amount), 0.00)"
        " from core.fct_orders group by all order by all"
    ).fetchall()
    assert [tuple(map(str, month)) for month in months] == [
        tuple(line[column] for column in columns) for line in expected
    ]


def test_a_refund_counts_on_its_own_day(served):
    customers = [line for line in truth("orders_by_month") if line["buyer"] == "customer"]
    months = served.sql(
        "select month, sum(orders), sum(net_revenue) from core.fct_customer_months"
        " group by all order by all"
    ).fetchall()
    assert [tuple(map(str, month)) for month in months] == [
        (line["month"], line["purchases"], line["net_revenue"]) for line in customers
    ]


@pytest.mark.parametrize("buyer", ["customer", "guest"])
def test_all_refunds_together(served, buyer):
    # No month of guests is published, only the final amount of each order. A credit note has none.
    [(total,)] = served.sql(
        "select sum(net_amount) from core.fct_orders"
        f" where customer_id is {'not' if buyer == 'customer' else ''} null"
    ).fetchall()
    lines = [line for line in truth("orders_by_month") if line["buyer"] == buyer]
    assert total == sum(
        Decimal(line["net_revenue"]) + Decimal(line["credit_notes"]) for line in lines
    )


def test_orders_of_the_hard_cases(served):
    compare(
        served,
        "orders",
        "select order_id, customer_id, order_number, refunded_amount, net_amount"
        " from core.fct_orders where starts_with(customer_id, 'case-')",
    )


def test_month_cohorts(served):
    compare(
        served,
        "order_cohorts",
        "select cohort_start, periods_since, active_customers from cohorts.rpt_order_cohorts"
        " where segment_name = 'all' and period_grain = 'month'",
    )


def test_recurring_revenue(served):
    compare(
        served,
        "recurring_revenue",
        "select month, opening_mrr, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr,"
        " churned_mrr, closing_mrr, customers_at_end from churn.rpt_mrr"
        " where segment_name = 'all'",
    )


def test_movements_of_the_hard_cases(served):
    compare(
        served,
        "movements",
        "select customer_id, month, if(movement = 'churn', 'churned', movement) as movement,"
        " new_mrr + reactivation_mrr + expansion_mrr + contraction_mrr + churned_mrr as amount,"
        " opening_mrr, closing_mrr"
        " from churn.fct_mrr_movements where starts_with(customer_id, 'case-')",
    )


def test_spells_of_the_hard_cases(served):
    compare(
        served,
        "spells",
        "select customer_id, started_on, ended_on from core.fct_subscription_spells"
        " where starts_with(customer_id, 'case-')",
    )


@pytest.mark.parametrize("column", [c for c in truth("stages")[0] if c.startswith("on_")])
def test_stages_of_every_customer_on_both_sides(served, column):
    day = column.removeprefix("on_").replace("_", "-")
    found = served.execute(
        "select customer_id, side, stage from journey.fct_stage_changes"
        " where side <> 'overall' and entered_on <= $1::date"
        " and coalesce(left_on > $1::date, true)",
        [day],
    ).fetchall()
    expected = [(line["customer_id"], line["side"], line[column]) for line in truth("stages")]
    assert len(found) > 1000
    assert sorted(found) == sorted(line for line in expected if line[2])


def test_milestones_of_the_complete_months(served):
    compare(
        served,
        "milestones",
        "select cohort_start, milestone, customers"
        + "".join(
            f", if(is_complete_{days}d, reached_customers_{days}d, null) as reached_{days}d"
            for days in (1, 7, 14, 30)
        )
        + " from journey.rpt_onboarding where segment_name = 'all' and period_grain = 'month'"
        " and milestone <> 'any'",
    )


def test_who_stays_by_milestone(served):
    compare(
        served,
        "retention_by_milestone",
        "select milestone, horizon_days, reached_customers, reached_retained_customers,"
        " other_customers, other_retained_customers from journey.rpt_onboarding_retention"
        " where segment_name = 'all' and milestone <> 'any'",
    )


def test_referrals_by_month(served):
    compare(
        served,
        "referrals",
        "select period_start as month, referrers, referred_customers, became_customers"
        " from journey.rpt_referrals"
        " where segment_name = 'all' and period_grain = 'month' and referred_customers > 0",
    )


def test_members_of_the_loyalty_programme_and_others(served):
    compare(
        served,
        "loyalty_members",
        "select cohort_start, is_member, customers, retained_customers"
        " from journey.rpt_loyalty_members where period_grain = 'month'",
    )


def test_answers_and_complaints_by_month_and_of_all_time(served):
    compare(
        served,
        "feedback",
        "select period_start as month, promoters, passives, detractors,"
        " complaints, decided_complaints, heard_complaints"
        " from plays.rpt_feedback where segment_name = 'all'",
    )


def test_tickets_by_channel(served):
    compare(
        served,
        "tickets",
        "select channel, tickets, open_tickets, unanswered_tickets"
        " from plays.rpt_support where period_grain = 'all'",
    )


def test_carts_by_month(served):
    compare(
        served,
        "carts",
        "select month, carts, undecided_carts, bought_carts, abandoned_carts, recovered_carts,"
        " amount_left, amount_won_back from plays.rpt_carts where segment_name = 'all'",
    )


def test_who_is_in_which_play_and_in_which_arm(served):
    compare(
        served,
        "play_enrollments",
        "select customer_id, play_id, arm, enrolled_on, left_on, converted_on"
        " from plays.fct_play_enrollments",
    )


def test_contacts_of_plays(served):
    compare(
        served,
        "play_contacts",
        "select play_id, sum(due) as due, sum(sent) as sent, sum(sent_late) as sent_late,"
        " sum(not_sent) as not_sent, sum(sent_to_holdout) as sent_to_holdout,"
        " sum(sent_without_being_due) as sent_without_being_due"
        " from plays.rpt_play_contacts group by all",
    )


# What a play brings, in points: set in data/shop/plays.py.
EFFECTS = {"win_back_buyers": 8, "first_order_follow_up": 3, "birthday": 0}


def test_the_report_tells_what_each_play_brings(served):
    """The interval of the difference holds the truth, and that of the win-back leaves out 0."""
    rows = served.sql(
        "select play_id, treated, converted_treated, held_out, converted_held_out, lift_ci_low,"
        " lift_ci_high, verdict from plays.rpt_play_results"
        " where segment_name = 'all' and period_grain = 'all'"
    ).fetchall()
    found = [row[:5] for row in rows]
    intervals = {row[0]: row[5:] for row in rows}
    told = {line["play_id"]: list(line.values()) for line in truth("play_results")}
    assert {row[0]: list(map(str, row)) for row in found} == {
        play_id: values[:-1] for play_id, values in told.items()
    }
    assert told.keys() == EFFECTS.keys()
    for play_id, treated, converted, held_out, converted_held_out in found:
        _, low, high = newcombe(converted, treated, converted_held_out, held_out)
        assert intervals[play_id][:2] == pytest.approx((low, high))
        assert intervals[play_id][2] == ("works" if low > 0 else "too early to say")
        brought = int(told[play_id][-1]) / treated
        assert low < brought < high, play_id
        # Chance moves the effect that is set a little.
        assert abs(100 * brought - EFFECTS[play_id]) < 1.5
        assert (low > 0) == (play_id == "win_back_buyers")


def test_the_page_about_plays_shows_the_results_of_the_sample():
    page = (ROOT / "docs/plays.md").read_text(encoding="utf-8")
    for line in truth("play_results"):
        treated, came, held_out, came_too = (int(line[column]) for column in list(line)[1:5])
        lift, low, high = (100 * part for part in newcombe(came, treated, came_too, held_out))
        bold = "**" if low > 0 else ""
        assert (
            f"| `{line['play_id']}` | {treated} | {100 * came / treated:.1f} %"
            f" | {held_out} | {100 * came_too / held_out:.1f} %"
            f" | {bold}{lift:.1f} points{bold} | {low:.1f} and {high:.1f} |"
        ) in page


def test_row_outcomes(served):
    accepted = served.sql(
        "select table_name, 'accepted', '', sum(rows_accepted) from meta.source_files group by all"
    ).fetchall()
    others = served.sql(
        "select table_name, outcome, reason, records from meta.row_outcomes"
    ).fetchall()
    found = defaultdict(int)
    for table_name, outcome, reason, rows in [*accepted, *others]:
        found[table_name, outcome, reason] += int(rows)
    for line in truth("row_outcomes"):
        # The truth names the column at fault. The sentence of the model begins with that name.
        matching = [
            key
            for key in found
            if key[:2] == (line["table_name"], line["outcome"])
            and key[2].startswith(line["reason"])
        ]
        assert sum(found.pop(key) for key in matching) == int(line["rows"]), line
    assert not found
