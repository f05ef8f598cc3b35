{{ config(severity='warn') }}

select
    customer_id,
    referrer_id,
    not_counted_reason

from {{ ref('int_referrals_assessed') }}
where not is_counted
