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

merged_accounts as (

    select * from {{ ref('int_accounts_merged') }}

),

-- A refund without an order is a credit note: it lowers the revenue of its customer, and no order.
joined as (

    select
        refunds.refund_id,
        refunds.order_id,
        case
            when refunds.order_id is null
                then coalesce(merged_accounts.customer_id, refunds.customer_id)
            else orders.customer_id
        end as customer_id,
        refunds.original_amount,
        refunds.amount,
        refunds.exchange_rate,
        orders.original_amount as order_original_amount,
        orders.amount as order_amount,
        orders.exchange_rate as order_exchange_rate,
        orders.original_currency = refunds.original_currency as is_in_order_currency,
        orders.order_id is not null and orders.subscription_id is null as is_of_purchase,
        refunds.refunded_at,
        {{ local_date('refunds.refunded_at') }} as refund_date,
        case
            when refunds.refunded_at >= as_of.as_of_at then 'after as_of'
            when refunds.is_deleted then 'deleted'
            when refunds.is_test then 'test'
            when
                refunds.status in (
                    'failed', 'failure', 'error', 'declined', 'rejected',
                    'cancelled', 'canceled', 'void', 'voided'
                )
                then 'failed or cancelled'
            when refunds.order_id is null and refunds.customer_id is null
                then 'neither order nor customer'
            when refunds.order_id is not null and orders.order_id is null then 'order is unknown'
            when not orders.is_counted then 'order does not count'
            when {{ local_date('refunds.refunded_at') }} < orders.order_date then 'before its order'
            when refunds.original_amount = 0 then 'zero amount'
        end as reason_so_far

    from refunds
    cross join as_of
    left join orders
        on refunds.order_id = orders.order_id
    left join merged_accounts
        on refunds.customer_id = merged_accounts.account_id

),

-- Refunds in the order's currency are added up before they are converted, so that they add up to
-- the order to the cent. Other currencies can only be added in the reporting currency.
split as (

    select
        *,
        case
            when reason_so_far is null and is_in_order_currency then original_amount else 0
        end as in_order_currency,
        case when reason_so_far is null and not is_in_order_currency then amount else 0 end
            as in_other_currency

    from joined

),

added_up as (

    select
        *,
        sum(in_order_currency) over so_far as refunded_in_order_currency,
        sum(in_other_currency) over so_far as refunded_in_other_currency

    from split
    window so_far as (
        partition by order_id
        order by refunded_at, refund_id
        rows between unbounded preceding and current row
    )

),

totals as (

    select
        *,
        {{ converted('refunded_in_order_currency', 'order_exchange_rate') }}
        + refunded_in_other_currency as asked_for,
        {{ converted('(refunded_in_order_currency - in_order_currency)', 'order_exchange_rate') }}
        + refunded_in_other_currency - in_other_currency as asked_for_before

    from added_up

),

-- An order's net revenue is never below 0. What is paid back beyond it is probably tax or shipping.
capped as (

    select
        *,
        case
            when reason_so_far is not null or order_id is null then amount
            else least(asked_for, order_amount) - least(asked_for_before, order_amount)
        end as counted_amount

    from totals

),

-- The rest is told in the currency of the refund. It is exact where the order has no other currency. Else it has the four
-- decimals of amounts, and is less than the refund, since a part of the refund counts.
with_rest as (

    select
        *,
        cast(
            case
                when reason_so_far is not null then original_amount
                when order_id is null then 0
                when is_in_order_currency and refunded_in_other_currency = 0
                    then
                        original_amount
                        - least(refunded_in_order_currency, order_original_amount)
                        + least(refunded_in_order_currency - original_amount, order_original_amount)
                when asked_for <= order_amount then 0
                when asked_for_before >= order_amount then original_amount
                else
                    least(
                        {{ eight_decimals(
                            safe_divide('asked_for - order_amount', 'exchange_rate')
                        ) }},
                        original_amount - 0.0001
                    )
            end as decimal(18, 4)
        ) as not_counted_amount

    from capped

)

select
    refund_id,
    order_id,
    customer_id,
    case
        when reason_so_far is not null then reason_so_far
        when not_counted_amount >= original_amount then 'nothing was left of its order'
        when not_counted_amount > 0 then 'the part beyond what was left of its order'
    end as not_counted_reason,
    original_amount,
    not_counted_amount,
    cast(counted_amount as decimal(18, 2)) as amount,
    not_counted_amount < original_amount as is_counted,
    is_of_purchase,
    refunded_at,
    refund_date

from with_rest
