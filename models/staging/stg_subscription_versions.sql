with

source as (

    select * from {{ ref('stg_subscription_records') }}

),

accepted as (

    select
        subscription_id,
        item_id,
        customer_id,
        plan_id,
        status,
        billing_interval,
        original_currency,
        cancel_reason,
        original_amount,
        exchange_rate,
        original_discount_amount,
        interval_count,
        quantity,
        is_test,
        is_deleted,
        auto_renews,
        is_set_to_end,
        valid_from,
        started_at,
        discount_ends_at,
        trial_ends_at,
        current_period_ends_at,
        cancel_requested_at,
        ended_at,
        updated_at

    from source
    where outcome = 'accepted'

)

select * from accepted
