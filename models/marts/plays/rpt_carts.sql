with

as_of as (

    select * from {{ ref('int_as_of') }}

),

carts as (

    select * from {{ ref('int_carts_assessed') }}
    where is_counted

),

customers as (

    select * from {{ ref('dim_customers') }}

),

flagged as (

    select
        carts.amount,
        cast({{ dbt.date_trunc('month', 'carts.created_on') }} as date) as month,
        case when carts.cart_state = 'undecided' then 1 else 0 end as is_undecided,
        case when carts.cart_state = 'bought' then 1 else 0 end as is_bought,
        case when carts.cart_state = 'abandoned' then 1 else 0 end as is_abandoned,
        case when carts.is_recovery_over then 1 else 0 end as is_recovery_over,
        case when carts.is_recovery_over and carts.is_recovered then 1 else 0 end
            as is_recovered{{ segment_attributes_or_none('customers') }}

    from carts
    left join customers
        on carts.customer_id = customers.customer_id

),

totals as (

    select
        {{ segment_columns() }},
        month,
        count(*) as carts,
        sum(amount) as cart_amount,
        sum(is_undecided) as undecided_carts,
        sum(is_bought) as bought_carts,
        sum(is_abandoned) as abandoned_carts,
        sum(is_recovery_over) as mature_abandoned_carts,
        sum(is_recovered) as recovered_carts,
        sum(case when is_abandoned = 1 then amount end) as amount_left,
        sum(case when is_recovered = 1 then amount end) as amount_won_back

    from flagged
    group by {{ segment_sets(['month']) }}

)

select
    totals.segment_name,
    totals.segment_value,
    totals.month,
    cast(totals.carts as bigint) as carts,
    cast(coalesce(totals.cart_amount, 0) as decimal(18, 2)) as cart_amount,
    cast(totals.undecided_carts as bigint) as undecided_carts,
    cast(totals.bought_carts as bigint) as bought_carts,
    cast(totals.abandoned_carts as bigint) as abandoned_carts,
    {{ safe_divide(
        'totals.abandoned_carts', 'totals.bought_carts + totals.abandoned_carts'
    ) }} as abandonment_rate,
    {{ wilson_low(
        'totals.abandoned_carts', '(totals.bought_carts + totals.abandoned_carts)'
    ) }} as abandonment_ci_low,
    {{ wilson_high(
        'totals.abandoned_carts', '(totals.bought_carts + totals.abandoned_carts)'
    ) }} as abandonment_ci_high,
    cast(totals.mature_abandoned_carts as bigint) as mature_abandoned_carts,
    cast(totals.recovered_carts as bigint) as recovered_carts,
    {{ safe_divide('totals.recovered_carts', 'totals.mature_abandoned_carts') }}
        as recovery_rate,
    {{ wilson_low('totals.recovered_carts', 'totals.mature_abandoned_carts') }}
        as recovery_ci_low,
    {{ wilson_high('totals.recovered_carts', 'totals.mature_abandoned_carts') }}
        as recovery_ci_high,
    cast(coalesce(totals.amount_left, 0) as decimal(18, 2)) as amount_left,
    cast(coalesce(totals.amount_won_back, 0) as decimal(18, 2)) as amount_won_back,
    {{ dbt.dateadd('month', 1, 'totals.month') }} <= as_of.as_of
    and totals.undecided_carts = 0
    and totals.abandoned_carts = totals.mature_abandoned_carts as is_complete

from totals
cross join as_of
