{#-
    Reads the last row of each item, without what came before it: no windows of force, no splits, no rate of earlier terms. An
    item of less than a cent a month may round to nothing, and then it does not pay.
-#}
with

as_of as (

    select * from {{ ref('int_as_of') }}

),

newest_first as (

    select
        *,
        row_number() over (
            partition by subscription_id, item_id
            order by valid_from desc
        ) as number
    from {{ ref('stg_subscription_versions') }}
    where not is_test

),

-- Nobody asked for an end, and no end is near.
running as (

    select
        newest_first.*,
        as_of.as_of_at,
        original_amount * quantity
        {%- if var('recurring_discount_counts') %}
        - case
            when newest_first.discount_ends_at < as_of.as_of_at then 0
            else newest_first.original_discount_amount
        end
        {%- endif %} as price

    from newest_first
    cross join as_of
    where
        newest_first.number = 1
        and newest_first.status = 'active'
        and not newest_first.is_deleted
        and not newest_first.is_set_to_end
        and newest_first.cancel_requested_at is null
        and newest_first.valid_from < as_of.as_of_at
        and newest_first.started_at < as_of.as_of_at
        and coalesce(newest_first.trial_ends_at < as_of.as_of_at, true)
        and (
            newest_first.auto_renews
            or newest_first.ended_at is null
            or newest_first.ended_at > {{ dbt.dateadd('year', 10, 'as_of.as_of_at') }}
        )

),

paying as (

    select priced.*

    from {{ ref('int_subscription_versions_priced') }} as priced
    cross join as_of
    where
        priced.is_paying
        and (priced.pays_to is null or priced.pays_to >= as_of.as_of_at)

)

select
    running.subscription_id,
    running.item_id,
    running.price,
    paying.mrr,
    paying.set_to_end_at

from running
left join paying
    on
        running.subscription_id = paying.subscription_id
        and coalesce(running.item_id, '(none)') = paying.item_id
where
    cast(running.price as double) * cast(running.exchange_rate as double)
    / {{ months_per_interval('running.billing_interval', 'running.interval_count') }} >= 0.01
    and (
        coalesce(paying.mrr, -1) < 0
        or paying.set_to_end_at is not null
        or (
            running.billing_interval = 'month'
            and running.interval_count = 1
            and running.original_currency = '{{ var("reporting_currency") }}'
            and abs(paying.mrr - running.price) > 0.005
        )
    )
