{{ config(severity='warn') }}

-- All must hold: arms large enough, a difference that may matter, and one that chance does not explain.
select * from {{ ref('rpt_play_balance') }}
where
    treated >= 100
    and held_out >= 100
    and abs(standardised_difference) > 0.1
    and abs(standard_errors) > 4
