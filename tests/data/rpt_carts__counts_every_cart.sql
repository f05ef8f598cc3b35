-- The carts of each month, sorted by when their orders came, without the model that decides it.
with

named_orders as (

    select
        carts.cart_id,
        orders.ordered_at
    from {{ ref('int_carts_assessed') }} as carts
    inner join {{ ref('fct_orders') }} as orders
        on carts.order_id = orders.order_id

    union all

    select
        carts.cart_id,
        orders.ordered_at
    from {{ ref('int_carts_assessed') }} as carts
    inner join {{ ref('fct_orders') }} as orders
        on carts.customer_id = orders.customer_id
    where
        carts.order_id is null
        and orders.ordered_at >= carts.created_at
        and orders.subscription_id is null

),

carts as (

    select
        carts.cart_id,
        carts.created_on,
        carts.created_at,
        coalesce(carts.amount, 0) as amount,
        min(named_orders.ordered_at) as ordered_at

    from {{ ref('int_carts_assessed') }} as carts
    left join named_orders
        on carts.cart_id = named_orders.cart_id
    where carts.is_counted
    group by carts.cart_id, carts.created_on, carts.created_at, carts.amount

),

judged as (

    select
        carts.*,
        {{ dbt.dateadd('hour', var('cart_hours'), 'carts.created_at') }} <= as_of.as_of_at
            as is_decided,
        coalesce(
            carts.ordered_at <= {{ dbt.dateadd('hour', var('cart_hours'), 'carts.created_at') }},
            false
        ) as is_bought,
        {{ dbt.dateadd('day', 7, 'carts.created_at') }} <= as_of.as_of_at as is_over,
        coalesce(carts.ordered_at <= {{ dbt.dateadd('day', 7, 'carts.created_at') }}, false)
            as is_bought_late

    from carts
    cross join {{ ref('int_as_of') }} as as_of

),

expected as (

    select
        date_trunc('month', created_on) as month,
        count(*) as carts,
        sum(case when not is_decided then 1 else 0 end) as undecided_carts,
        sum(case when is_decided and is_bought then 1 else 0 end) as bought_carts,
        sum(case when is_decided and not is_bought and is_over and is_bought_late then 1 else 0 end)
            as recovered_carts,
        sum(amount) as cart_amount,
        sum(case when is_decided and not is_bought then amount else 0 end) as amount_left,
        sum(
            case
                when is_decided and not is_bought and is_over and is_bought_late then amount
                else 0
            end
        ) as amount_won_back
    from judged
    group by date_trunc('month', created_on)

),

reported as (

    select * from {{ ref('rpt_carts') }}
    where segment_name = 'all'

)

select
    coalesce(expected.month, reported.month) as month,
    expected.bought_carts,
    reported.bought_carts as reported_bought_carts,
    expected.recovered_carts,
    reported.recovered_carts as reported_recovered_carts

from expected
full outer join reported
    on expected.month = reported.month
where
    reported.carts is distinct from expected.carts
    or reported.undecided_carts is distinct from expected.undecided_carts
    or reported.bought_carts is distinct from expected.bought_carts
    or reported.undecided_carts + reported.bought_carts + reported.abandoned_carts
    is distinct from expected.carts
    or reported.mature_abandoned_carts > reported.abandoned_carts
    or reported.recovered_carts is distinct from expected.recovered_carts
    or reported.cart_amount is distinct from expected.cart_amount
    or reported.amount_left is distinct from expected.amount_left
    or reported.amount_won_back is distinct from expected.amount_won_back
    or (reported.is_complete and reported.mature_abandoned_carts < reported.abandoned_carts)
