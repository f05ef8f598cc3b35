{{ config(severity='warn') }}

select
    account_id,
    not_applied_reason

from {{ ref('int_accounts_merged') }}
where not_applied_reason in ('merged in a circle', 'merged into itself')
