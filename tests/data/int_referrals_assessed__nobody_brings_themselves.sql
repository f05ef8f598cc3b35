-- Three referrals on from a referral that counts, nobody is back at its customer. Circles that do not
-- count are found by another way, up to their full length.
with

referrals as (

    select * from {{ ref('int_referrals_assessed') }}
    where is_counted

)

select
    referrals.customer_id,
    referrals.referrer_id,
    before.referrer_id as referrer_before,
    earlier.referrer_id as referrer_before_that

from referrals
left join referrals as before
    on referrals.referrer_id = before.customer_id
left join referrals as earlier
    on before.referrer_id = earlier.customer_id
where
    referrals.referrer_id = referrals.customer_id
    or before.referrer_id = referrals.customer_id
    or earlier.referrer_id = referrals.customer_id
