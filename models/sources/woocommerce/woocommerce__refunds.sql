with

order_rows as (

    select * from {{ ref('woocommerce__order_rows') }}

),

-- amount:22.88|reason:broken|date:2023-02-12 17:00:00;amount:... with the newest refund first.
pieces as (

    select
        *,
        unnest(string_split(refund_items, 'amount:')[2:]) as piece,
        unnest(range(len(string_split(refund_items, 'amount:')) - 1)) as place

    from order_rows
    where not is_item and refund_items like '%amount:%'

),

refunds as (

    select
        *,
        regexp_extract(piece, '^[^|;]*') as amount_text,
        nullif(
            regexp_extract(piece, 'date:(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2})', 1), ''
        ) as dated_at

    from pieces

),

numbered as (

    select
        *,
        {{ number_of('amount_text') }} as refund_number,
        {{ number_of('amount') }} as order_amount,
        row_number() over (
            partition by file, order_id, scan_position order by dated_at asc, place desc
        ) as place_of_refund

    from refunds

),

-- Exports repeat what they know of a refund. The first one that shows it dates it, if it has no date.
first_shown as (

    select
        *,
        row_number() over (
            partition by order_id, place_of_refund order by exported_on, file, scan_position
        ) as showing

    from numbered

),

mapped as (

    select
        'r' || order_id || '-' || place_of_refund as refund_id,
        order_id,
        currency,
        -- What was paid back holds tax and shipping: the amount of the order is its limit.
        coalesce(
            cast(
                case when refund_number > order_amount then order_amount else refund_number end
                as varchar
            ),
            amount_text
        ) as amount,
        case
            when dated_at is not null then {{ in_utc('dated_at') }}
            -- No refund is older than its order.
            when {{ local_midnight('exported_on') }} < {{ cast_text('ordered_at', 'timestamp') }}
                then ordered_at
            else cast(exported_on as varchar)
        end as refunded_at,
        file,
        file_date,
        scan_position,
        'derived' as record_role,
        nullif(concat_ws(
            '; ',
            case when dated_at is null then 'refunded_at is the day of the export' end,
            case when refund_number > order_amount then 'amount is cut to that of the order' end
        ), '') as remark

    from first_shown
    where showing = 1

)

select * from mapped
