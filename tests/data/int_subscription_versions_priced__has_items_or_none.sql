{{ config(severity='warn') }}

select
    subscription_id,
    min(pays_from) as pays_from

from {{ ref('int_subscription_versions_priced') }}
where is_paying
group by subscription_id
having
    min(case when item_id = '(none)' then 0 else 1 end) = 0
    and max(case when item_id = '(none)' then 0 else 1 end) = 1
