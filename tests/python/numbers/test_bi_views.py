"""A plain chart on a view of schema bi: `sum(column)` by period, without any filter, is right.

The right numbers are added up here from the facts (customers, orders, spells, customer months) or,
where no fact has the number, from the parts of one segment of the report.
"""

import pytest

AS_OF = "(select as_of from meta.builds where is_current)"
# The periods that have ended, from the first event on.
ENDED = """
    select distinct {grain}_start as {grain}
    from core.dim_dates
    where date_add({grain}_start, interval 1 {grain}) <= {as_of}
"""
MONTHS, QUARTERS = (ENDED.format(grain=grain, as_of=AS_OF) for grain in ("month", "quarter"))

MRR = f"""
    with months as ({MONTHS}),
    paid as (
        select month, sum(mrr) as mrr, count(*) filter (mrr > 0) as paying
        from core.fct_customer_months group by month
    ),
    moved as (
        select
            month, sum(new_mrr) as new_mrr, sum(reactivation_mrr) as reactivation_mrr,
            sum(expansion_mrr) as expansion_mrr, sum(contraction_mrr) as contraction_mrr,
            sum(churned_mrr) as churned_mrr, count(*) filter (movement = 'new') as new_paying,
            count(*) filter (movement = 'reactivation') as reactivated,
            count(*) filter (movement = 'churn') as churned
        from churn.fct_mrr_movements group by month
    ),
    committed as (
        select month, sum(committed_mrr) as committed_mrr
        from churn.rpt_mrr where segment_name = 'country' group by month
    )
    select
        months.month, coalesce(lag(paid.mrr) over (order by month), 0) as opening_mrr, new_mrr,
        reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr, paid.mrr, committed_mrr,
        12 * paid.mrr as arr,
        coalesce(lag(paying) over (order by month), 0) as paying_customers_at_start,
        new_paying as new_paying_customers, reactivated as reactivated_paying_customers,
        churned as churned_paying_customers, paying as paying_customers
    from months
    left join paid using (month)
    left join moved using (month)
    left join committed using (month)
"""
# The columns of each basis have its word in their names.
WORDS = {"whole": "customers", "orders": "buyers", "subscriptions": "subscribers"}
BASES = ", ".join(
    f"{basis}.at_start as {word}_at_start, {basis}.new as new_{word},"
    f" {basis}.returned as returning_{word}, {basis}.lost as lost_{word}, {basis}.at_end as {word}"
    for basis, word in WORDS.items()
)
RETENTION = f"""
    with parts as (
        select basis, period_start as month, sum(customers_at_start) as at_start,
            sum(new_customers) as new, sum(returning_customers) as returned,
            sum(lost_customers) as lost, sum(customers_at_end) as at_end
        from churn.rpt_retention_rates
        where segment_name = 'acquisition_channel' and period_grain = 'month'
        group by basis, period_start
    ),
    whole as (select * from parts where basis = 'any'),
    orders as (select * from parts where basis = 'orders'),
    subscriptions as (select * from parts where basis = 'subscriptions')
    select month, {BASES}
    from ({MONTHS})
    left join whole using (month)
    left join orders using (month)
    left join subscriptions using (month)
"""
ORDER_COHORTS = """
    with purchases as (
        select customer_id, order_date, date_trunc('{grain}', order_date)::date as {grain},
            min(order_date) over (partition by customer_id) as first_date
        from core.fct_orders where order_number is not null
    ),
    bought as (
        select {grain}, count(distinct customer_id) as active_customers, count(*) as orders,
            count(distinct customer_id) filter (order_date = first_date) as new_customers
        from purchases group by {grain}
    ),
    paid as (
        select date_trunc('{grain}', period_start)::date as {grain}, sum(net_revenue) as net_revenue
        from cohorts.rpt_order_cohorts
        where segment_name = 'country' and period_grain = 'month' group by all
    )
    select {grain}, new_customers, active_customers, orders, net_revenue
    from ({ended}) left join bought using ({grain}) left join paid using ({grain})
"""
SUBSCRIPTION_COHORTS = f"""
    with began as (
        select date_trunc('month', min(started_on))::date as month
        from core.fct_subscription_spells group by customer_id
    ),
    paid as (
        select month, sum(mrr) as mrr, count(*) filter (mrr > 0) as subscribers
        from core.fct_customer_months group by month
    )
    select month, (select count(*) from began where began.month = months.month) as new_subscribers,
        subscribers, mrr
    from ({MONTHS}) as months left join paid using (month)
"""
# An end rounds up to a month, and a spell that runs rounds down.
SURVIVAL = f"""
    with spells as (
        select ended_on is not null as has_ended, datesub('month', started_on,
            coalesce(ended_on, {AS_OF} - 1)) as months, started_on, ended_on
        from core.fct_subscription_spells
    ),
    lasted as (
        select has_ended, case
            when has_ended and started_on + to_months(months::int) < ended_on then months + 1
            else months end as months_since_start
        from spells
    )
    select duration,
        count(*) filter (has_ended and months_since_start = duration) as lost_subscribers,
        count(*) filter (not has_ended and months_since_start = duration)
            as subscribers_still_there,
        count(*) filter (months_since_start >= duration) as subscribers_at_risk
    from lasted
    cross join (select unnest(range(max(months_since_start) + 1)) as duration from lasted)
    group by duration
"""
CUSTOMERS = f"""
    select date_trunc('month', dim_customers.acquired_on)::date as acquired_month,
        sum(case when dim_customers.acquired_on is not null
            then {AS_OF} - dim_customers.acquired_on - 1 end) as tenure_days,
        sum(lifetime_orders) as lifetime_orders, sum(lifetime_net_revenue) as lifetime_net_revenue,
        sum(lifetime_recurring_revenue) as lifetime_recurring_revenue,
        sum(current_mrr) as current_mrr, sum(predicted_order_value) as predicted_order_value,
        sum(predicted_subscription_value) as predicted_subscription_value,
        sum(predicted_clv) as predicted_clv
    from core.dim_customers left join clv.fct_customer_value using (customer_id)
    group by all
"""
# The column by which a chart is drawn, and the right sums.
RIGHT = {
    "mrr_by_month": ("month", MRR),
    "retention_by_month": ("month", RETENTION),
    "order_cohorts_by_month": ("month", ORDER_COHORTS.format(grain="month", ended=MONTHS)),
    "order_cohorts_by_quarter": ("quarter", ORDER_COHORTS.format(grain="quarter", ended=QUARTERS)),
    "subscription_cohorts_by_month": ("month", SUBSCRIPTION_COHORTS),
    "survival_by_month": ("months_since_start", SURVIVAL),
    "customers": ("acquired_month", CUSTOMERS),
}


def of_first(column: str, grain: str = "month") -> str:
    """The column in the first row of the cohort."""
    return f"first({column} order by {grain}s_since) over (partition by cohort_{grain})"


# Nobody adds up rates. They stand beside their numerator and their denominator.
RATES = {
    "mrr_by_month": {
        "mrr_per_paying_customer": "round(mrr / paying_customers, 2)",
        "net_revenue_retention": "(mrr - new_mrr - reactivation_mrr) / opening_mrr",
        "gross_revenue_retention": "1 - (contraction_mrr + churned_mrr) / opening_mrr",
        "customer_churn_rate": "churned_paying_customers / paying_customers_at_start",
    },
    "retention_by_month": {
        "retention_rate": "1 - lost_customers / customers_at_start",
        "churn_rate": "lost_customers / customers_at_start",
        "buyer_retention_rate": "1 - lost_buyers / buyers_at_start",
        "buyer_churn_rate": "lost_buyers / buyers_at_start",
        "subscriber_retention_rate": "1 - lost_subscribers / subscribers_at_start",
        "subscriber_churn_rate": "lost_subscribers / subscribers_at_start",
    },
    "order_cohorts_by_month": {"retention_rate": f"active_customers / {of_first('new_customers')}"},
    "order_cohorts_by_quarter": {
        "retention_rate": f"active_customers / {of_first('new_customers', 'quarter')}"
    },
    "subscription_cohorts_by_month": {
        "retention_rate": f"subscribers / {of_first('new_subscribers')}",
        "net_revenue_retention": f"mrr / {of_first('mrr')}",
    },
    "survival_by_month": {
        "survival_rate": "product(1 - lost_subscribers / subscribers_at_risk)"
        " over (order by months_since_start)",
        "loss_rate": "lost_subscribers / subscribers_at_risk",
    },
    "customers": {},
}
# Numbers that cannot be worked out from the columns beside them: they are those of the report.
OF_THE_REPORT = {
    "subscription_cohorts_by_month": (
        "cohort_month, month, gross_revenue_retention",
        "select cohort_start, period_start, gross_revenue_retention"
        " from cohorts.rpt_subscription_cohorts"
        " where segment_name = 'all' and period_grain = 'month' and is_complete",
    ),
    "survival_by_month": (
        "months_since_start, survival_ci_low, survival_ci_high",
        "select duration, ci_low, ci_high from churn.rpt_subscription_survival"
        " where segment_name = 'all' and time_unit = 'month'",
    ),
    "customers": (
        "customer_id, chance_to_buy_again, expected_orders_365d",
        "select customer_id, p_alive, expected_orders_365d"
        " from core.dim_customers left join clv.fct_customer_value using (customer_id)",
    ),
}


def rows(served, sql):
    """The rows as a dict: the first column is the key, and no number is 0."""
    relation = served.sql(sql)
    names = relation.columns[1:]
    found = {key: dict(zip(names, values, strict=True)) for key, *values in relation.fetchall()}
    assert found
    return {key: {n: value or 0 for n, value in one.items()} for key, one in found.items()}


@pytest.mark.parametrize("view", RIGHT)
def test_a_plain_sum_by_period_is_right(served, view):
    period, sql = RIGHT[view]
    right = rows(served, sql)
    names = list(next(iter(right.values())))
    sums = ", ".join(f"sum({name}) as {name}" for name in names)
    assert rows(served, f"select {period}, {sums} from bi.{view} group by {period}") == right


@pytest.mark.parametrize("view", [view for view, rates in RATES.items() if rates])
def test_a_rate_is_that_of_the_columns_beside_it(served, view):
    for name, expression in RATES[view].items():
        # DuckDB divides by 0 without an error; nobody was at risk there.
        wrong = served.sql(
            f"select * from (select {name} as shown, {expression} as computed from bi.{view})"
            " where abs(shown - computed) > 1e-9"
            " or (shown is null) <> (computed is null or not isfinite(computed))"
        ).fetchall()
        assert not wrong, name
        assert served.sql(f"select count({name}) from bi.{view}").fetchall()[0][0] > 5


@pytest.mark.parametrize("view", OF_THE_REPORT)
def test_other_numbers_are_those_of_the_report(served, view):
    shown, reported = OF_THE_REPORT[view]
    found = served.sql(f"select {shown} from bi.{view} order by all").fetchall()
    assert found == served.sql(f"{reported} order by all").fetchall()


@pytest.mark.parametrize("view", RIGHT)
def test_every_number_of_a_view_is_tested(served, view):
    numbers = {
        name
        for name, kind, *_ in served.sql(f"describe bi.{view}").fetchall()
        if kind.startswith(("BIGINT", "DECIMAL", "DOUBLE")) and "s_since" not in name
    }
    others = OF_THE_REPORT[view][0].split(", ") if view in OF_THE_REPORT else []
    tested = {*served.sql(RIGHT[view][1]).columns[1:], *RATES[view], *others}
    assert numbers <= tested
