with

order_lines as (

    select * from {{ ref('shopify_admin__order_lines') }}

),

with_numbers as (

    select
        *,
        {{ number_of('refunded_amount') }} as refunded_number,
        {{ number_of('amount') }} as amount_number

    from order_lines
    where is_first

),

-- What was paid back holds tax and shipping: the amount of the order is its limit.
refunded as (

    select
        *,
        case
            when refunded_number > amount_number then amount_number
            else refunded_number
        end as refunded_so_far

    from with_numbers
    where refunded_amount is not null and coalesce(refunded_number > 0, true)

),

-- Exports repeat what they know of a refund. The first one that shows it dates it.
compared as (

    select
        *,
        coalesce(
            max(refunded_so_far) over (
                partition by order_id
                order by exported_on, file, scan_position
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as refunded_before

    from refunded

),

grown as (

    select
        *,
        row_number() over (
            partition by order_id order by exported_on, file, scan_position
        ) as refund_number

    from compared
    where coalesce(refunded_so_far > refunded_before, true)

),

mapped as (

    select
        'r' || order_id
        || case when refund_number > 1 then '-' || refund_number else '' end as refund_id,
        order_id,
        currency,
        coalesce(cast(refunded_so_far - refunded_before as varchar), refunded_amount) as amount,
        case when is_test then 'true' end as is_test,
        -- No refund is older than its order.
        case
            when {{ local_midnight('exported_on') }} < {{ cast_text('ordered_at', 'timestamp') }}
                then ordered_at
            else cast(exported_on as varchar)
        end as refunded_at,
        file,
        file_date,
        scan_position,
        'derived' as record_role,
        'refunded_at is the day of the export' as remark

    from grown

)

select * from mapped
