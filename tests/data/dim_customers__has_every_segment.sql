with

customers as (

    select
        {%- for segment in var('segments') %}
        count({{ segment }}) as customers_with_{{ segment }},
        {%- endfor %}
        count(*) as customers

    from {{ ref('dim_customers') }}

)

select * from customers
where
    false
    {%- for segment in var('segments') %}
    or customers_with_{{ segment }} <> customers
    {%- endfor %}
