with

versions as (

    select * from {{ ref('int_subscription_versions_bounded') }}

),

stretches as (

    select
        *,
        coalesce(in_force_from < in_force_to, true) as is_in_force

    from {{ ref('int_subscription_versions_priced') }}
    where not_counted_reason is null

),

-- No version of these items pays, and none is a trial: they are in no number.
items_without_payment as (

    select
        subscription_id,
        item_id,
        case
            when max(case when is_in_force then 1 else 0 end) = 0
                then 'ended before or when it began'
            when max(case when is_in_force then mrr else 0 end) <= 0
                then 'amount less discount is 0.00 a month'
            else
                'status was '
                || {{ sorted_list(
                    "case when is_in_force and mrr > 0 then"
                    ~ " case when status in ('paused', 'unpaid', 'incomplete', 'past_due') then status"
                    ~ " else 'trialing' end end"
                ) }}
        end as never_paid_because

    from stretches
    group by subscription_id, item_id
    having max(case when is_paying or is_trial then 1 else 0 end) = 0

)

select
    versions.subscription_id,
    versions.item_id,
    versions.customer_id,
    coalesce(
        versions.not_counted_reason, 'has never paid: ' || items_without_payment.never_paid_because
    ) as not_counted_reason,
    versions.original_amount,
    versions.valid_from

from versions
left join items_without_payment
    on
        versions.subscription_id = items_without_payment.subscription_id
        and versions.item_id = items_without_payment.item_id
