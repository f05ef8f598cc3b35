with

as_of as (

    select * from {{ ref('int_as_of') }}

),

purchase_days as (

    select * from {{ ref('int_customer_days_sequenced') }}
    where is_purchase_day

),

orders as (

    select * from {{ ref('int_orders_assessed') }}

),

refunds as (

    select * from {{ ref('int_refunds_assessed') }}
    where is_counted and customer_id is not null

),

-- what the models know: everything, or what was known before the holdout
fits as (

    select
        'scoring' as fit,
        as_of
    from as_of

    union all

    select
        'holdout' as fit,
        cast({{ dbt.dateadd('day', '-' ~ var('clv_holdout_days'), 'as_of') }} as date) as as_of
    from as_of

),

histories as (

    select
        fits.fit,
        fits.as_of,
        purchase_days.customer_id,
        purchase_days.first_purchase_date,
        max(purchase_days.activity_date) as last_purchase_date,
        count(*) - 1 as frequency,
        sum(case when purchase_days.purchase_number > 1 then purchase_days.order_amount else 0 end)
            as repeat_amount,
        -- repeat purchase days as far back as the holdout is long
        sum(
            case
                when
                    purchase_days.purchase_number > 1
                    and purchase_days.activity_date
                    >= {{ dbt.dateadd('day', '-' ~ var('clv_holdout_days'), 'fits.as_of') }}
                    then 1
                else 0
            end
        ) as recent_purchases

    from purchase_days
    inner join fits
        on purchase_days.activity_date < fits.as_of
    group by
        fits.fit,
        fits.as_of,
        purchase_days.customer_id,
        purchase_days.first_purchase_date

),

-- a refund lowers the value of the day that it pays back
refunds_of_repeats as (

    select
        histories.fit,
        histories.customer_id,
        sum(refunds.amount) as refunded_amount

    from refunds
    inner join orders
        on refunds.order_id = orders.order_id
    inner join histories
        on
            refunds.customer_id = histories.customer_id
            and orders.order_date > histories.first_purchase_date
            and refunds.refund_date < histories.as_of
    group by histories.fit, histories.customer_id

),

later_purchases as (

    select
        purchase_days.customer_id,
        count(*) as purchases

    from purchase_days
    inner join fits
        on fits.fit = 'holdout' and purchase_days.activity_date >= fits.as_of
    group by purchase_days.customer_id

)

select
    histories.fit,
    histories.customer_id,
    cast(histories.frequency as bigint) as frequency,
    cast(
        {{ dbt.datediff('histories.first_purchase_date', 'histories.last_purchase_date', 'day') }}
        as bigint
    ) as recency_days,
    -- as_of is the day after the last one
    cast(
        {{ dbt.datediff('histories.first_purchase_date', 'histories.as_of', 'day') }} - 1 as bigint
    ) as age_days,
    {{ safe_divide(
        'histories.repeat_amount - coalesce(refunds_of_repeats.refunded_amount, 0)',
        'histories.frequency'
    ) }} as mean_repeat_value,
    cast(histories.recent_purchases as bigint) as recent_purchases,
    case
        when histories.fit = 'holdout' then cast(coalesce(later_purchases.purchases, 0) as bigint)
    end as later_purchases

from histories
left join refunds_of_repeats
    on
        histories.fit = refunds_of_repeats.fit
        and histories.customer_id = refunds_of_repeats.customer_id
left join later_purchases
    on histories.customer_id = later_purchases.customer_id
