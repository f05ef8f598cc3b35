{%- set forms = ['%Y-%m-%d %H:%M:%S', '%m/%d/%Y %H:%M:%S', '%m/%d/%Y %H:%M'] -%}
with

subscriptions as (

    select * from {{ read_texts(source('woocommerce', 'subscriptions')) }}

),

-- 0 is the word for no time.
with_times as (

    select
        *,
        regexp_replace(
            nullif(coalesce(date_created, start_date), '0'), '\s+', ' ', 'g'
        ) as started_text,
        regexp_replace(nullif(trial_end_date, '0'), '\s+', ' ', 'g') as trial_text,
        regexp_replace(nullif(end_date, '0'), '\s+', ' ', 'g') as end_text,
        regexp_replace(nullif(meta_schedule_cancelled, '0'), '\s+', ' ', 'g') as cancel_text,
        {{ number_of('order_total') }}
        - {{ number_of("coalesce(order_tax, '0')") }}
        - {{ number_of("coalesce(order_shipping, '0')") }} as without_extras

    from subscriptions

),

mapped as (

    select
        subscription_id,
        nullif(customer_id, '0') as customer_id,
        -- the products of all items, such as 12+15
        nullif(
            array_to_string(
                list_sort(
                    list_distinct(regexp_extract_all(order_items, 'product_id:(\d+)', 1))
                ),
                '+'
            ),
            ''
        ) as plan_id,
        regexp_replace(lower(subscription_status), '^wc-', '') as status,
        billing_period as billing_interval,
        order_currency as currency,
        coalesce(
            cast(without_extras as varchar),
            nullif(concat_ws(' ', order_total, order_tax, order_shipping), '')
        ) as amount,
        billing_interval as interval_count,
        {{ iso_from('started_text', forms, "'UTC'") }} as started_at,
        {{ iso_from('trial_text', forms, "'UTC'") }} as trial_ends_at,
        {{ iso_from('cancel_text', forms, "'UTC'") }} as cancel_requested_at,
        {{ iso_from('end_text', forms, "'UTC'") }} as ended_at,
        file,
        file_date,
        scan_position

    from with_times

)

select * from mapped
