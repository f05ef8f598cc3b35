select
    customer_id,
    play_id,
    count(distinct arm) as arms,
    sum(case when arm = 'holdout' then contacts_due else 0 end) as due_to_the_holdout

from {{ ref('fct_play_enrollments') }}
group by customer_id, play_id
having
    count(distinct arm) > 1
    or sum(case when arm = 'holdout' then contacts_due else 0 end) > 0
