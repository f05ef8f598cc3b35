{%- set forms = ['%d-%b-%Y %H:%M', '%d-%b-%Y %H:%M:%S', '%d-%b-%Y'] -%}

with

source as (

    select
        *,
        replace(lower(subscriptions_status), ' ', '_') as status

    from {{ read_texts(source('chargebee', 'subscriptions')) }}

)

select
    subscriptions_id as subscription_id,
    customers_id as customer_id,
    subscriptions_plan_id as plan_id,
    status,
    lower(subscriptions_billing_period_unit) as billing_interval,
    subscriptions_billing_period as interval_count,
    subscriptions_currency_code as currency,
    {{ plain_number('subscriptions_plan_unit_price') }} as amount,
    subscriptions_plan_quantity as quantity,
    subscriptions_cancel_reason as cancel_reason,
    {{ iso_from(
        'coalesce(subscriptions_started_at, subscriptions_start_date, subscriptions_created_at)', forms
    ) }} as started_at,
    {{ iso_from('subscriptions_trial_end', forms) }} as trial_ends_at,
    {{ iso_from('subscriptions_current_term_end', forms) }} as current_period_ends_at,
    {{ iso_from('subscriptions_cancelled_at', forms) }} as ended_at,
    file,
    file_date,
    scan_position

from source
