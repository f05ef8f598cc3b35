{{ config(severity='warn') }}

-- Names beyond those that rpt_onboarding shows.
select
    milestones.milestone,
    count(distinct milestones.customer_id) as customers

from {{ ref('int_milestones_assessed') }} as milestones
inner join {{ ref('int_customers_begun') }} as customers
    on milestones.customer_id = customers.customer_id
left join (select distinct milestone from {{ ref('rpt_onboarding') }}) as shown
    on milestones.milestone = shown.milestone
where milestones.is_counted and shown.milestone is null
group by milestones.milestone
