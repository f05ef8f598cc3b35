with

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

)

select * from ranked
where
    rank_in_play <> place
    or expected_worth > expected_worth_before
    or p_alive is distinct from p_alive_of_clv
    or predicted_clv is distinct from predicted_clv_of_clv
    or current_mrr is distinct from current_mrr_of_core
    or (goal <> 'renewal' and expected_worth is distinct from predicted_clv)
    or (goal = 'renewal' and expected_worth > current_mrr)
