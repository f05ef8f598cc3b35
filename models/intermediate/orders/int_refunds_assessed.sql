with

refunds as (

    select * from {{ ref('stg_refunds') }}

),

orders as (

    select * from {{ ref('int_orders_assessed') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

joined as (

    select
        refunds.refund_id,
        refunds.order_id,
        orders.customer_id,
        refunds.original_amount,
        refunds.amount,
        refunds.exchange_rate,
        refunds.original_currency,
        case
            when refunds.original_currency = orders.original_currency then orders.original_amount
        end as order_amount,
        refunds.refunded_at,
        {{ local_date('refunds.refunded_at') }} as refund_date,
        case
            when refunds.refunded_at >= as_of.as_of_at then 'after as_of'
            when orders.order_id is null then 'order is unknown'
            when not orders.is_counted then 'order does not count'
            when {{ local_date('refunds.refunded_at') }} < orders.order_date then 'before its order'
            -- amounts can be compared in one currency only
            when
                refunds.original_currency = orders.original_currency
                and refunds.original_amount > orders.original_amount
                then 'exceeds what is left of its order'
        end as reason_so_far

    from refunds
    cross join as_of
    left join orders
        on refunds.order_id = orders.order_id

),

with_refunded_so_far as (

    select
        *,
        sum(case when reason_so_far is null then original_amount else 0 end) over (
            partition by order_id, original_currency
            order by refunded_at, refund_id
            rows between unbounded preceding and current row
        ) as refunded_so_far

    from joined

),

-- An order's net revenue is never below 0. A refund beyond the amount of the order is probably tax
-- or shipping.
assessed as (

    select
        *,
        case
            when reason_so_far is not null then reason_so_far
            when refunded_so_far > order_amount then 'exceeds what is left of its order'
        end as not_counted_reason

    from with_refunded_so_far

)

select
    refund_id,
    order_id,
    customer_id,
    not_counted_reason,
    original_amount,
    case
        -- the refunds of an order add up to its amount, to the cent
        when not_counted_reason is null and order_amount is not null
            then
                {{ converted('refunded_so_far', 'exchange_rate') }}
                - {{ converted('(refunded_so_far - original_amount)', 'exchange_rate') }}
        else amount
    end as amount,
    not_counted_reason is null as is_counted,
    refunded_at,
    refund_date

from assessed
