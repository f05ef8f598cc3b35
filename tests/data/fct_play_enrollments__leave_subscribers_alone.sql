select
    enrollments.customer_id,
    enrollments.play_id,
    enrollments.enrolled_on,
    spells.started_on,
    spells.ended_on

from {{ ref('fct_play_enrollments') }} as enrollments
inner join {{ ref('plays') }} as plays
    on enrollments.play_id = plays.play_id
inner join {{ ref('fct_subscription_spells') }} as spells
    on enrollments.customer_id = spells.customer_id
where
    plays.trigger = 'no_order'
    and spells.started_on < enrollments.enrolled_on
    and (spells.ended_on is null or spells.ended_on >= enrollments.enrolled_on)
