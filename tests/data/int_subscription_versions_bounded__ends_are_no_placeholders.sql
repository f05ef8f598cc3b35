{{ config(severity='warn') }}

select
    subscription_id,
    item_id,
    valid_from

from {{ ref('int_subscription_versions_bounded') }}
where has_placeholder_end and not_counted_reason is null
