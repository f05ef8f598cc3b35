-- One answer of each kind counts for each customer and month, and every complaint.
with

months as (

    select
        date_trunc('month', given_on) as period_start,
        count(distinct case when kind = 'nps' then customer_id end) as nps_answers,
        count(distinct case when kind = 'csat' then customer_id end) as csat_answers,
        count(distinct case when kind = 'complaint' then customer_id end) as complaining_customers,
        sum(case when kind = 'complaint' then 1 else 0 end) as complaints,
        sum(case when kind = 'nps' and score >= 9 then 1 else 0 end) as answers_of_nine,
        sum(case when kind = 'nps' and score in (7, 8) then 1 else 0 end) as answers_of_seven,
        sum(case when kind = 'nps' and score <= 6 then 1 else 0 end) as answers_of_six
    from {{ ref('int_feedback_assessed') }}
    where is_counted
    group by date_trunc('month', given_on)

),

expected as (

    select
        'month' as period_grain,
        period_start,
        nps_answers,
        csat_answers,
        complaining_customers,
        complaints,
        answers_of_nine,
        answers_of_seven,
        answers_of_six
    from months

    union all

    select
        'all' as period_grain,
        null as period_start,
        sum(nps_answers) as nps_answers,
        sum(csat_answers) as csat_answers,
        (
            select count(distinct customer_id)
            from {{ ref('int_feedback_assessed') }}
            where is_counted and kind = 'complaint'
        ) as complaining_customers,
        sum(complaints) as complaints,
        sum(answers_of_nine) as answers_of_nine,
        sum(answers_of_seven) as answers_of_seven,
        sum(answers_of_six) as answers_of_six
    from months
    having count(*) > 0

),

reported as (

    select * from {{ ref('rpt_feedback') }}
    where segment_name = 'all'

)

select
    coalesce(expected.period_grain, reported.period_grain) as period_grain,
    coalesce(expected.period_start, reported.period_start) as period_start,
    expected.nps_answers,
    reported.nps_answers as reported_nps_answers,
    expected.complaints,
    reported.complaints as reported_complaints

from expected
full outer join reported
    on
        expected.period_grain = reported.period_grain
        and expected.period_start is not distinct from reported.period_start
where
    reported.nps_answers is distinct from expected.nps_answers
    or reported.csat_answers is distinct from expected.csat_answers
    or reported.complaints is distinct from expected.complaints
    or reported.complaining_customers is distinct from expected.complaining_customers
    or reported.promoters > expected.answers_of_nine
    or reported.passives > expected.answers_of_seven
    or reported.detractors > expected.answers_of_six
