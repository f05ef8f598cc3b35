{{ config(severity='warn') }}

select
    play_id,
    step,
    month,
    sent_to_holdout

from {{ ref('rpt_play_contacts') }}
where sent_to_holdout > 0
