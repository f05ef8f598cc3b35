select
    customer_id,
    play_id,
    count(distinct arm) as arms,
    sum(case when arm = 'holdout' then contacts_due else 0 end) as due_to_the_holdout,
    sum(case when is_first then 1 else 0 end) as first_ones

from {{ ref('fct_play_enrollments') }}
group by customer_id, play_id
having
    count(distinct arm) > 1
    or sum(case when arm = 'holdout' then contacts_due else 0 end) > 0
    or sum(case when is_first then 1 else 0 end) <> 1
    or min(case when is_first then enrolled_on end) <> min(enrolled_on)
