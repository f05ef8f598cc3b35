{%- set tables = {
    'orders': ref('stg_order_records'),
    'refunds': ref('stg_refund_records'),
    'customers': ref('stg_customer_records'),
    'subscriptions': ref('stg_subscription_records'),
    'marketing_spend': ref('stg_marketing_spend_records'),
} -%}

with

-- a record's number is its place in the file, known from its neighbours
rejected_records as (
    {%- for table_name, relation in tables.items() %}

    {{ 'union all' if not loop.first }}

    select
        '{{ table_name }}' as table_name,
        rejected.file,
        rejected.reject_reason,
        rejected.raw_record,
        rejected.scan_position - first_records.scan_position + 1 as record_number

    from {{ relation }} as rejected
    inner join (
        select
            file,
            min(scan_position) as scan_position
        from {{ relation }}
        group by file
    ) as first_records
        on rejected.file = first_records.file
    where rejected.outcome = 'rejected'
    {%- endfor %}

)

select * from rejected_records
