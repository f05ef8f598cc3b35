with

-- Of those at risk, the share that did not leave, multiplied from day to day until a contract ends. A day on
-- which all left makes it 0.
kept as (

    select
        spells.customer_id,
        plays.play_id,
        min(today.survival) as share_kept_until_today,
        case
            when max(days.hazard) = 1 then 0
            else exp(sum(ln(1 - case when days.hazard < 1 then days.hazard else 0 end)))
        end as share_kept

    from {{ ref('int_spells_measured') }} as spells
    cross join {{ ref('int_plays_started') }} as plays
    inner join {{ ref('rpt_subscription_survival') }} as today
        on
            today.segment_name = 'all'
            and today.time_unit = 'day'
            and spells.days_lasted = today.duration
    inner join {{ ref('rpt_subscription_survival') }} as days
        on
            days.segment_name = 'all'
            and days.time_unit = 'day'
            and spells.days_lasted < days.duration
            and spells.days_lasted + plays.days + 3 >= days.duration
    where
        not spells.is_ended
        and plays.trigger = 'renewal_due'
        and spells.customer_id in (select customer_id from {{ ref('audiences') }})
    group by spells.customer_id, plays.play_id
    having max(days.duration) = max(spells.days_lasted + plays.days + 3)

),

ranked as (

    select
        audiences.play_id,
        audiences.customer_id,
        audiences.rank_in_play,
        audiences.expected_worth,
        audiences.p_alive,
        audiences.predicted_clv,
        audiences.current_mrr,
        customer_values.p_alive as p_alive_of_clv,
        customer_values.predicted_clv as predicted_clv_of_clv,
        customers.current_mrr as current_mrr_of_core,
        enrollments.goal,
        -- After a day on which all left, nobody knows what share of those who came later will leave.
        case
            when kept.share_kept_until_today > 0
                then customers.current_mrr * (1 - kept.share_kept)
        end as expected_loss,
        lag(audiences.expected_worth) over (
            partition by audiences.play_id order by audiences.rank_in_play
        ) as expected_worth_before,
        count(*) over (
            partition by audiences.play_id
            order by audiences.rank_in_play
            rows between unbounded preceding and current row
        ) as place

    from {{ ref('audiences') }} as audiences
    inner join {{ ref('fct_play_enrollments') }} as enrollments
        on
            audiences.customer_id = enrollments.customer_id
            and audiences.play_id = enrollments.play_id
            and audiences.enrolled_at = enrollments.enrolled_at
    left join {{ ref('dim_customers') }} as customers
        on audiences.customer_id = customers.customer_id
    left join {{ ref('fct_customer_value') }} as customer_values
        on audiences.customer_id = customer_values.customer_id
    left join kept
        on
            audiences.customer_id = kept.customer_id
            and audiences.play_id = kept.play_id

)

select * from ranked
where
    rank_in_play <> place
    or expected_worth > expected_worth_before
    or p_alive is distinct from p_alive_of_clv
    or predicted_clv is distinct from predicted_clv_of_clv
    or current_mrr is distinct from current_mrr_of_core
    or (goal <> 'renewal' and expected_worth is distinct from predicted_clv)
    or (
        goal = 'renewal'
        and (
            (expected_worth is null) <> (expected_loss is null)
            or abs(expected_worth - expected_loss) > 0.01
        )
    )
