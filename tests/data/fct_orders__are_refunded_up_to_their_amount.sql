{#- Adds the refunds of each order without an order among them, and cuts the sum at the order's amount. -#}
with

refunds as (

    select stg_refunds.*

    from {{ ref('stg_refunds') }} as stg_refunds
    inner join {{ ref('int_refunds_assessed') }} as assessed
        on stg_refunds.refund_id = assessed.refund_id
    where
        assessed.is_counted
        or assessed.not_counted_reason = 'nothing was left of its order'

),

sums as (

    select
        orders.order_id,
        sum(
            case
                when refunds.original_currency = orders.original_currency
                    then refunds.original_amount
                else 0
            end
        ) as in_order_currency,
        sum(
            case
                when refunds.original_currency = orders.original_currency then 0
                else refunds.amount
            end
        ) as in_other_currency

    from {{ ref('fct_orders') }} as orders
    inner join refunds
        on orders.order_id = refunds.order_id
    group by orders.order_id

),

expected as (

    select
        orders.order_id,
        orders.amount,
        orders.refunded_amount,
        least(
            orders.amount,
            {{ converted('coalesce(sums.in_order_currency, 0)', 'orders.exchange_rate') }}
            + coalesce(sums.in_other_currency, 0)
        ) as expected_refunded_amount

    from {{ ref('fct_orders') }} as orders
    left join sums
        on orders.order_id = sums.order_id

)

select * from expected
where
    refunded_amount <> expected_refunded_amount
    or refunded_amount < 0
    or refunded_amount > amount
