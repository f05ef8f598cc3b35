with

survival as (

    select * from {{ without_database(ref('rpt_subscription_survival')) }}
    where segment_name = 'all' and time_unit = 'month'

)

select
    duration as months_since_start,
    at_risk as subscribers_at_risk,
    events as lost_subscribers,
    censored as subscribers_still_there,
    survival as survival_rate,
    ci_low as survival_ci_low,
    ci_high as survival_ci_high,
    hazard as loss_rate

from survival
