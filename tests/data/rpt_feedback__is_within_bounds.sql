select *

from {{ ref('rpt_feedback') }}
where
    promoters + passives + detractors <> nps_answers
    or abs(nps * nps_answers - 100 * (promoters - detractors)) > 1e-6
    or (nps is null) <> (nps_answers = 0)
    or nps not between -100 and 100
    or nps_ci_low > nps
    or nps_ci_high < nps
    or nps_ci_low < -100
    or nps_ci_high > 100
    -- there is an interval exactly where two of ten answers are of different kinds
    or (nps_ci_low is null)
    <> (nps_answers < 10 or nps_answers in (promoters, passives, detractors))
    or (nps_ci_high is null) <> (nps_ci_low is null)
    or csat_mean_score not between 0 and 10
    or (csat_mean_score is null) <> (csat_answers = 0)
    or silent_customers <> complaints * {{ var('silent_per_complaint') }}
    or complaining_customers > complaints
    or heard_complaints > decided_complaints
    or decided_complaints > complaints
    or mature_heard_complaints > heard_complaints
    or mature_heard_complaints + mature_unheard_complaints > decided_complaints
    or (period_grain = 'all' and is_complete)
    or (is_follow_up_complete and not is_complete)
    or (is_follow_up_complete and decided_complaints < complaints)
