{#- In the currencies of the files. A refund that is cut in part is in row_outcomes with the rest. -#}
with

counted as (

    select sum(original_amount - not_counted_amount) as amount
    from {{ ref('int_refunds_assessed') }}

),

not_counted as (

    select sum(amount) as amount
    from {{ ref('row_outcomes') }}
    where table_name = 'refunds' and outcome = 'not_counted'

),

accepted as (

    select sum(amount_accepted) as amount
    from {{ ref('source_files') }}
    where table_name = 'refunds'

),

impossible as (

    select count(*) as refunds
    from {{ ref('int_refunds_assessed') }}
    where
        not_counted_amount < 0
        or not_counted_amount > original_amount
        or (not_counted_amount > 0) <> (not_counted_reason is not null and original_amount > 0)
        or is_counted <> (not_counted_amount < original_amount)

)

select
    accepted.amount as accepted_amount,
    counted.amount as counted_amount,
    not_counted.amount as not_counted_amount,
    impossible.refunds as impossible_refunds

from accepted
cross join counted
cross join not_counted
cross join impossible
where
    coalesce(accepted.amount, 0) <> coalesce(counted.amount, 0) + coalesce(not_counted.amount, 0)
    or impossible.refunds > 0
