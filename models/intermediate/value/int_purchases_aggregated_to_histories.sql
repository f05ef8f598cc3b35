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
    where is_counted and customer_id is not null and is_of_purchase

),

-- The day before which each training data ends. The calibration data ends where the holdout starts.
training_ends as (

    select
        'all_data' as trained_on,
        as_of as end_date
    from as_of

    union all

    select
        'calibration' as trained_on,
        {{ dbt.dateadd('day', '-' ~ var('clv_holdout_days'), 'as_of') }} as end_date
    from as_of

),

training_data as (

    select
        trained_on,
        cast(end_date as date) as end_date,
        cast({{ dbt.dateadd('day', '-' ~ var('clv_holdout_days'), 'end_date') }} as date)
            as recent_from
    from training_ends

),

-- Recent purchases are the naive forecast of the holdout: the repeats in as many days before it.
histories as (

    select
        training_data.trained_on,
        training_data.end_date,
        purchase_days.customer_id,
        purchase_days.first_purchase_date,
        max(purchase_days.activity_date) as last_purchase_date,
        count(*) - 1 as frequency,
        sum(case when purchase_days.purchase_number > 1 then purchase_days.order_amount else 0 end)
            as repeat_amount,
        sum(
            case
                when
                    purchase_days.purchase_number > 1
                    and purchase_days.activity_date >= training_data.recent_from
                    then 1
                else 0
            end
        ) as recent_purchases

    from purchase_days
    inner join training_data
        on purchase_days.activity_date < training_data.end_date
    group by
        training_data.trained_on,
        training_data.end_date,
        purchase_days.customer_id,
        purchase_days.first_purchase_date

),

-- A refund lowers the value of the day of its order. Refunds of the first day lower no repeat.
refunds_of_repeats as (

    select
        histories.trained_on,
        histories.customer_id,
        sum(refunds.amount) as refunded_amount

    from refunds
    inner join orders
        on refunds.order_id = orders.order_id
    inner join histories
        on
            refunds.customer_id = histories.customer_id
            and orders.order_date > histories.first_purchase_date
            and refunds.refund_date < histories.end_date
    group by histories.trained_on, histories.customer_id

),

later_purchases as (

    select
        purchase_days.customer_id,
        count(*) as purchases

    from purchase_days
    inner join training_data
        on
            training_data.trained_on = 'calibration'
            and purchase_days.activity_date >= training_data.end_date
    group by purchase_days.customer_id

)

select
    histories.trained_on,
    histories.customer_id,
    cast(histories.frequency as bigint) as frequency,
    cast(
        {{ dbt.datediff('histories.first_purchase_date', 'histories.last_purchase_date', 'day') }}
        as bigint
    ) as recency_days,
    -- the last day of the data is the day before end_date
    cast(
        {{ dbt.datediff('histories.first_purchase_date', 'histories.end_date', 'day') }} - 1
        as bigint
    ) as age_days,
    {{ safe_divide(
        'histories.repeat_amount - coalesce(refunds_of_repeats.refunded_amount, 0)',
        'histories.frequency'
    ) }} as mean_repeat_value,
    cast(histories.recent_purchases as bigint) as recent_purchases,
    case
        when histories.trained_on = 'calibration'
            then cast(coalesce(later_purchases.purchases, 0) as bigint)
    end as later_purchases

from histories
left join refunds_of_repeats
    on
        histories.trained_on = refunds_of_repeats.trained_on
        and histories.customer_id = refunds_of_repeats.customer_id
left join later_purchases
    on histories.customer_id = later_purchases.customer_id
