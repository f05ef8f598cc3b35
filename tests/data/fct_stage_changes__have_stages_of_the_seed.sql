select
    changes.side,
    changes.stage,
    changes.entries

from (
    select
        side,
        stage,
        count(*) as entries
    from {{ ref('fct_stage_changes') }}
    group by side, stage
) as changes
left join (
    select
        side,
        stage
    from {{ ref('journey_stages') }}

    union

    select
        'overall' as side,
        stage
    from {{ ref('journey_stages') }}
) as stages
    on
        changes.stage = stages.stage
        and changes.side = stages.side
where stages.stage is null

union all

-- Two stages with one rank, and a stage with two ranks.
select
    min(side) as side,
    min(stage) as stage,
    count(distinct stage) as entries

from {{ ref('journey_stages') }}
group by rank
having count(distinct stage) > 1

union all

select
    min(side) as side,
    stage,
    count(distinct rank) as entries

from {{ ref('journey_stages') }}
group by stage
having count(distinct rank) > 1 or count(distinct is_active) > 1

union all

-- An active stage below one that is not.
select
    active.side,
    active.stage,
    active.rank as entries

from {{ ref('journey_stages') }} as active
inner join {{ ref('journey_stages') }} as others
    on active.rank > others.rank
where active.is_active and not others.is_active
