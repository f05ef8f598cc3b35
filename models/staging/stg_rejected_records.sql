{%- set tables = {
    'orders': ref('stg_order_records'),
    'refunds': ref('stg_refund_records'),
    'customers': ref('stg_customer_records'),
    'subscriptions': ref('stg_subscription_records'),
    'marketing_spend': ref('stg_marketing_spend_records'),
    'exchange_rates': ref('stg_exchange_rate_records'),
    'milestones': ref('stg_milestone_records'),
    'carts': ref('stg_cart_records'),
    'tickets': ref('stg_ticket_records'),
    'feedback': ref('stg_feedback_records'),
    'contacts': ref('stg_contact_records'),
} -%}

with

rejected as (
    {%- for table_name, relation in tables.items() %}

    {{ 'union all' if not loop.first }}

    select
        '{{ table_name }}' as table_name,
        rejected.file,
        rejected.reject_reason,
        rejected.raw_record,
        {{ rejected_words(table_name) }} as rejected_words,
        rejected.line,
        rejected.scan_position - first_records.scan_position + 1 as place_among_read

    from {{ relation }} as rejected
    left join (
        select
            file,
            min(scan_position) as scan_position
        from {{ relation }}
        group by file
    ) as first_records
        on rejected.file = first_records.file
    where rejected.outcome = 'rejected'
    {%- endfor %}

),

lines_without_a_record as (

    select
        file,
        line - 1 - row_number() over (partition by file order by line) as records_read_before

    from rejected
    where line is not null

),

-- The scan passes over lines that are no records. Such lines before a record count for its number.
numbered as (

    select
        rejected.table_name,
        rejected.file,
        rejected.reject_reason,
        rejected.raw_record,
        rejected.rejected_words,
        case
            when rejected.line is not null then rejected.line - 1
            else rejected.place_among_read + count(lines_without_a_record.file)
        end as record_number

    from rejected
    left join lines_without_a_record
        on
            rejected.file = lines_without_a_record.file
            and rejected.place_among_read > lines_without_a_record.records_read_before
    group by
        rejected.table_name,
        rejected.file,
        rejected.reject_reason,
        rejected.raw_record,
        rejected.rejected_words,
        rejected.line,
        rejected.place_among_read

)

select * from numbered
