{#- A scan of its own adds the amounts of each file and currency. It takes no part in staging's joins. -#}
{%- set tables = {
    'orders': ref('stg_order_records'),
    'refunds': ref('stg_refund_records'),
    'subscriptions': ref('stg_subscription_records'),
    'marketing_spend': ref('stg_marketing_spend_records'),
    'carts': ref('stg_cart_records'),
} -%}
with

amounts as (
    {%- for table_name, relation in tables.items() %}

    {{ 'union all' if not loop.first }}

    select
        file,
        original_currency,
        sum(original_amount) as amount_of_records,
        0 as amount_in_file
    from {{ relation }}
    group by file, original_currency
    {%- for scan in scans_of('raw', table_name) %}

    union all

    select
        {{ file_of(scan.file) }} as file,
        nullif(upper({{ text_of(scan, 'currency') }}), '') as currency,
        0 as amount_of_records,
        sum(
            case
                when {{ is_of_form(text_of(scan, 'amount'), '-?[0-9]{1,14}([.][0-9]{1,4})?') }}
                    then try_cast({{ text_of(scan, 'amount') }} as decimal(18, 4))
                when {{ is_of_form(text_of(scan, 'amount'), '-?[0-9]{1,14}[.][0-9]+') }}
                    then try_cast(round(try_cast({{ text_of(scan, 'amount') }} as decimal(38, 20)), 4) as decimal(18, 4))
            end
        ) as amount_in_file
    from {{ scan.reader }}
    group by all
    {%- endfor %}
    {%- endfor %}

),

totals as (

    select
        file,
        coalesce(original_currency, '{{ var("reporting_currency") }}') as original_currency,
        sum(amount_of_records) as amount_of_records,
        sum(amount_in_file) as amount_in_file
    from amounts
    group by file, coalesce(original_currency, '{{ var("reporting_currency") }}')

)

select
    totals.file,
    totals.original_currency,
    totals.amount_of_records,
    totals.amount_in_file,
    source_files.amount_read

from totals
inner join {{ ref('source_files') }} as source_files
    on totals.file = source_files.file
where
    (
        source_files.system = 'raw'
        and coalesce(totals.amount_of_records, 0) <> coalesce(totals.amount_in_file, 0)
    )
    or source_files.amount_read
    <> source_files.amount_accepted + source_files.amount_superseded + source_files.amount_part_of
    + source_files.amount_rejected
