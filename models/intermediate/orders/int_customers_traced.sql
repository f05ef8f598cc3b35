{{ config(enabled=var('merges_apply') == 'from_the_merge_on') }}
with

accounts as (

    select * from {{ ref('int_accounts_dated') }}

)

select distinct
    later.dated_customer_id,
    later.customer_then_id,
    later.customer_id,
    later.applies_from,
    later.applies_until,
    earlier.dated_customer_id as earlier_customer_id,
    earlier.customer_then_id as earlier_customer_then_id,
    earlier.applies_from as earlier_applies_from,
    earlier.applies_until as earlier_applies_until,
    earlier.dated_customer_id = later.dated_customer_id as is_same

from accounts as later
inner join accounts as earlier
    on
        later.account_id = earlier.account_id
        and (
            later.dated_customer_id = earlier.dated_customer_id
            or later.applies_from >= earlier.applies_until
        )
