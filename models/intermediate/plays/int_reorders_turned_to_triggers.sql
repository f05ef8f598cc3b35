with

as_of as (

    select * from {{ ref('int_as_of') }}

),

plays as (

    select * from {{ ref('int_plays_started') }}
    where trigger = 'reorder_due'

),

months as (

    select * from {{ ref('int_months_spined') }}

),

-- Without such a play nothing is sorted.
customer_days as (

    select
        *,
        {{ dbt.datediff('previous_purchase_date', 'activity_date', 'day') }} as gap_days

    from {{ ref('int_customer_days_sequenced') }}
    where is_purchase_day and exists (select 1 from plays)

),

gaps_by_month as (

    select
        cast({{ dbt.date_trunc('month', 'activity_date') }} as date) as month,
        gap_days,
        count(*) as gaps

    from customer_days
    where gap_days is not null
    group by cast({{ dbt.date_trunc('month', 'activity_date') }} as date), gap_days

),

-- All gaps of the shop that were over when a month began. With later gaps the triggers of the past
-- would move from night to night.
gaps_so_far as (

    select
        months.month,
        gaps_by_month.gap_days,
        sum(sum(gaps_by_month.gaps)) over (
            partition by months.month
            order by gaps_by_month.gap_days
            rows between unbounded preceding and current row
        ) as gaps_up_to_this,
        sum(sum(gaps_by_month.gaps)) over (partition by months.month) as all_gaps

    from months
    inner join gaps_by_month
        on months.month > gaps_by_month.month
    group by months.month, gaps_by_month.gap_days

),

shop_medians as (

    select
        month,
        min(gap_days) as gap_days

    from gaps_so_far
    where 2 * gaps_up_to_this >= all_gaps
    group by month

),

-- Nobody's median gap is longer than the time between the first and the last purchase. So a customer
-- who cannot have been due since the play began is left out before the sorting.
recent_customer_days as (

    select
        *,
        cast({{ dbt.date_trunc('month', 'activity_date') }} as date) as month

    from customer_days
    where
        {{ dbt.datediff('first_purchase_date', 'last_purchase_date', 'day') }}
        + (select max(plays.days) from plays)
        >= {{ dbt.datediff(
            'last_purchase_date', '(select min(plays.starts_on) from plays)', 'day'
        ) }}
        or first_purchase_date = last_purchase_date

),

-- What was known on the day of the purchase: the customer's own gaps up to it.
with_median as (

    select
        customer_id,
        month,
        activity_date as purchased_on,
        lead(activity_date) over (partition by customer_id order by activity_date)
            as next_purchase_on,
        {{ median_so_far('gap_days', partition_by='customer_id', order_by='activity_date') }}
            as own_gap_days

    from recent_customer_days

),

triggers as (

    select
        plays.play_id,
        with_median.customer_id,
        cast({{ dbt.dateadd(
            'day',
            'coalesce(with_median.own_gap_days, shop_medians.gap_days) + plays.days',
            'with_median.purchased_on'
        ) }} as date) as triggered_on,
        plays.starts_on,
        with_median.next_purchase_on

    from with_median
    cross join plays
    left join shop_medians
        on with_median.month = shop_medians.month

)

select
    triggers.play_id,
    triggers.customer_id,
    triggers.triggered_on

from triggers
cross join as_of
where
    triggers.triggered_on >= triggers.starts_on
    and triggers.triggered_on <= as_of.as_of
    and (
        triggers.next_purchase_on is null
        or triggers.next_purchase_on >= triggers.triggered_on
    )
