with

orders as (

    select * from {{ ref('int_orders_assessed') }}
    where is_counted and has_unknown_status

),

-- A long text, or one with an address or a number, was probably never meant as a status: it may be
-- personal.
with_reason as (

    select
        original_amount,
        case
            when
                length(status) > 40
                or status like '%@%'
                or translate(status, '0123456789', '') <> status
                then 'unknown status'
            else 'unknown status: ' || status
        end as reason

    from orders

)

select
    'orders' as table_name,
    reason,
    count(*) as records,
    cast(sum(original_amount) as decimal(38, 4)) as amount

from with_reason
group by reason
