{#-
    A hook after int_as_of: stops the build where no order and no subscription began before as_of, and says what became of
    their records. Without it, the build would end at a test that a newcomer cannot know.
-#}
{% macro refuse_an_empty_shop() %}
    {#- dbt finds the refs of a hook when it parses, so they stand before the way out. -#}
    {%- set orders = ref('stg_orders') -%}
    {%- set subscriptions = ref('stg_subscription_versions') -%}
    {%- set records = {'order': ref('stg_order_records'), 'subscription': ref('stg_subscription_records')} -%}
    {%- if not execute -%}{{ return('') }}{%- endif -%}
    {%- set usable = run_query(
        "select count(*) from " ~ orders
        ~ " where not is_test and not is_deleted and ordered_at < (select as_of_at from " ~ this ~ ")"
        ~ " union all select count(*) from " ~ subscriptions
        ~ " where not is_test and started_at < (select as_of_at from " ~ this ~ ")"
    ).columns[0].values() | sum -%}
    {%- if not usable -%}
        {%- set found = [] -%}
        {%- for name, relation in records.items() -%}
            {%- set reasons = run_query(
                "select outcome, coalesce(reject_reason, superseded_reason, 'a test, deleted, or not before as_of'), count(*) from " ~ relation
                ~ " group by all order by 3 desc, 2 limit 3"
            ).rows -%}
            {%- for outcome, reason, records in reasons -%}
                {%- do found.append(name ~ ' records ' ~ outcome ~ ': ' ~ records ~ ', ' ~ reason) -%}
            {%- else -%}
                {%- do found.append('no ' ~ name ~ ' record') -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- do exceptions.raise_compiler_error(
            "The raw files hold no order and no subscription that can be used:\n" ~ found | join('\n')
            ~ "\nCorrect the files, add a missing rate to seeds/exchange_rates.csv, or change the var as_of_date."
        ) -%}
    {%- endif -%}
{% endmacro %}
