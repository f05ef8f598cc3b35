with

buyer_stages as (

    select * from {{ ref('int_purchases_merged_to_stages') }}

),

subscriber_stages as (

    select * from {{ ref('int_subscriptions_merged_to_stages') }}

),

ranks as (

    select distinct
        stage,
        rank as stage_rank
    from {{ ref('journey_stages') }}

),

customers_on_both_sides as (

    select distinct customer_id from subscriber_stages

),

-- A change of a side is the change of its rank. No stage has rank 0.
changes_of_both_sides as (

    select
        buyer_stages.customer_id,
        buyer_stages.entered_on,
        ranks.stage_rank - coalesce(previous_ranks.stage_rank, 0) as change_as_buyer,
        0 as change_as_subscriber,
        buyer_stages.entered_on as entered_as_buyer_on,
        cast(null as date) as entered_as_subscriber_on
    from buyer_stages
    inner join customers_on_both_sides
        on buyer_stages.customer_id = customers_on_both_sides.customer_id
    inner join ranks
        on buyer_stages.stage = ranks.stage
    left join ranks as previous_ranks
        on buyer_stages.previous_stage = previous_ranks.stage

    union all

    select
        subscriber_stages.customer_id,
        subscriber_stages.entered_on,
        0 as change_as_buyer,
        ranks.stage_rank - coalesce(previous_ranks.stage_rank, 0) as change_as_subscriber,
        cast(null as date) as entered_as_buyer_on,
        subscriber_stages.entered_on as entered_as_subscriber_on
    from subscriber_stages
    inner join ranks
        on subscriber_stages.stage = ranks.stage
    left join ranks as previous_ranks
        on subscriber_stages.previous_stage = previous_ranks.stage

),

changes_by_day as (

    select
        customer_id,
        entered_on,
        sum(change_as_buyer) as change_as_buyer,
        sum(change_as_subscriber) as change_as_subscriber,
        max(entered_as_buyer_on) as entered_as_buyer_on,
        max(entered_as_subscriber_on) as entered_as_subscriber_on

    from changes_of_both_sides
    group by customer_id, entered_on

),

-- Where each side stands after the changes of the day, and since when.
with_ranks as (

    select
        customer_id,
        entered_on,
        sum(change_as_buyer) over a_customer as rank_as_buyer,
        nullif(sum(change_as_subscriber) over a_customer, 0) as rank_as_subscriber,
        max(entered_as_buyer_on) over a_customer as buyer_since,
        max(entered_as_subscriber_on) over a_customer as subscriber_since

    from changes_by_day
    window a_customer as (
        partition by customer_id
        order by entered_on
        rows between unbounded preceding and current row
    )

),

-- Everyone is on the side orders, if only as a prospect. The best rank is the lowest.
with_best_rank as (

    select
        *,
        least(rank_as_buyer, coalesce(rank_as_subscriber, rank_as_buyer)) as best_rank

    from with_ranks

),

with_previous_rank as (

    select
        *,
        lag(best_rank) over (partition by customer_id order by entered_on) as previous_rank

    from with_best_rank

)

-- The reason is that of the side that has the stage, also where it entered the stage long before. If both
-- have it, the later one made it the overall stage.
select
    changed.customer_id,
    ranks.stage,
    previous_ranks.stage as previous_stage,
    case
        when
            buyer_stages.customer_id is null
            or subscriber_stages.entered_on > buyer_stages.entered_on
            then subscriber_stages.reason
        else buyer_stages.reason
    end as reason,
    changed.entered_on,
    lead(changed.entered_on) over (
        partition by changed.customer_id order by changed.entered_on
    ) as left_on

from with_previous_rank as changed
inner join ranks
    on changed.best_rank = ranks.stage_rank
left join ranks as previous_ranks
    on changed.previous_rank = previous_ranks.stage_rank
left join buyer_stages
    on
        changed.customer_id = buyer_stages.customer_id
        and changed.buyer_since = buyer_stages.entered_on
        and ranks.stage = buyer_stages.stage
left join subscriber_stages
    on
        changed.customer_id = subscriber_stages.customer_id
        and changed.subscriber_since = subscriber_stages.entered_on
        and ranks.stage = subscriber_stages.stage
where coalesce(changed.previous_rank <> changed.best_rank, true)
