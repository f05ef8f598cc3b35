with

published as (

    select
        count(*) as orders,
        coalesce(sum(original_amount), 0) as amount
    from {{ ref('fct_orders') }}

),

not_counted as (

    select
        coalesce(sum(records), 0) as orders,
        coalesce(sum(amount), 0) as amount
    from {{ ref('row_outcomes') }}
    where table_name = 'orders' and outcome = 'not_counted'

),

accepted as (

    select
        coalesce(sum(rows_accepted), 0) as orders,
        coalesce(sum(amount_accepted), 0) as amount
    from {{ ref('source_files') }}
    where table_name = 'orders'

)

select
    accepted.orders as accepted_orders,
    published.orders as published_orders,
    not_counted.orders as not_counted_orders

from accepted
cross join published
cross join not_counted
where
    accepted.orders <> published.orders + not_counted.orders
    or accepted.amount <> published.amount + not_counted.amount
