{#-
    The folders with a _mapping.yml that feed a contract table, one per mapping: {system, id_prefix, mapping, scans}.
    landing/mapping.py says what a _mapping.yml holds, and refuses what it must not hold.
-#}
{% macro mapped_folders(table_name) %}
    {#- What major_units reads. Outside of the condition, so that dbt sees what this model depends on. -#}
    {%- do ref('currency_minor_units') -%}
    {%- set inventory = ref('stg_source_files') -%}
    {%- if not execute or not load_relation(inventory) -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set found = run_query(
        "select distinct system, mapping from " ~ inventory ~ " where mapping <> '' and table_name = "
        ~ sql_text(table_name) ~ " order by system, mapping"
    ) -%}
    {%- set folders = [] -%}
    {%- for system, text in found.rows -%}
        {%- set mapping = fromjson(text) -%}
        {%- set own_prefix = mapping.id_prefix is not none -%}
        {%- do folders.append({
            'system': system,
            'id_prefix': mapping.id_prefix if own_prefix else id_prefix(system),
            'mapping': mapping,
            'scans': scans_of(system, table_name) | selectattr('mapping', 'equalto', text) | list,
        }) -%}
    {%- endfor -%}
    {{ return(folders) }}
{% endmacro %}


{#-
    The records of a folder with a _mapping.yml, as a mapping in models/sources/ returns them. A text that the mapping
    cannot turn stays as it is, so that the cast by the contract rejects it by name.
-#}
{% macro read_mapped(folder, table_name) %}
    {%- set mapping = folder.mapping -%}
    {%- set types = {} -%}
    {%- for column in declared_columns('raw', table_name) -%}
        {%- do types.update({column.name: column.data_type}) -%}
    {%- endfor -%}
    {%- set from_file = mapping['columns'] | list -%}
    {%- set filled = {'currency': mapping.currency} if mapping.currency else {} -%}
    {%- for name, text in mapping['values'].items() if text -%}{%- do filled.update({name: text}) -%}{%- endfor -%}
    select
        {%- for name in from_file + (filled | list | reject('in', from_file) | list) %}
        case
            when record_role is null
                then {{ mapped_value(name if name in from_file, filled.get(name)) }}
        end as {{ name }},
        {%- endfor %}
        file,
        file_date,
        scan_position,
        record_role,
        case when record_role is null then mapping_fault end as mapping_fault,
        {{ mapped_remark(from_file, filled, mapping) }} as remark
    from (
        {{ one_row_per_record(folder, types) if mapping.sum_by else mapped_rows(folder, types) }}
    )
{% endmacro %}


{#- A text of the contract, with what stands in for an empty one. -#}
{% macro mapped_value(name, stand_in) -%}
    {%- set text = name if name else 'cast(null as varchar)' -%}
    {%- if stand_in is none -%}
    {{ text }}
    {%- elif name -%}
    coalesce({{ text }}, {{ sql_text(stand_in) }})
    {%- else -%}
    {{ sql_text(stand_in) }}
    {%- endif -%}
{%- endmacro %}


{#- What the mapping left out or assumed. Equal remarks add up, so they name columns and no ids. -#}
{% macro mapped_remark(from_file, filled, mapping) -%}
    nullif(concat_ws('; ', cast(null as varchar)
        {%- for in_file in mapping.only %},
        case when not is_taken_{{ loop.index }} then {{ sql_text(in_file ~ ' is not of those that _mapping.yml takes') }} end
        {%- endfor %}
        {%- for name in from_file if name in filled %},
        case when record_role is null and {{ name }} is null then {{ sql_text(name ~ ' is empty and is ' ~ filled[name] ~ ', as _mapping.yml says') }} end
        {%- endfor %}
    ), '')
{%- endmacro %}


{#- One row per row of the files, each column turned into the contract's form. -#}
{% macro mapped_rows(folder, types) -%}
    {%- set mapping = folder.mapping -%}
    {%- set amounts = {} -%}
    {%- for name, in_files in mapping.minus.items() -%}
        {%- set minus = [] -%}
        {%- set outer = loop.index -%}
        {%- for in_file in in_files -%}{%- do minus.append('minus_' ~ outer ~ '_' ~ loop.index) -%}{%- endfor -%}
        {%- do amounts.update({name: difference_of_texts(name, minus)}) -%}
    {%- endfor -%}
    {%- for name in mapping['columns'] if mapping.minor_units and types[name] == 'decimal' -%}
        {%- set amount = '(' ~ amounts.get(name, name) ~ ')' -%}
        {%- do amounts.update({name: major_units(amount, currency_of(mapping))}) -%}
    {%- endfor -%}
    select
        *
        {%- if amounts %} replace (
            {%- for name, amount in amounts.items() %}
            {{ amount }} as {{ name }}{{ ',' if not loop.last }}
            {%- endfor %}
        )
        {%- endif %}
    from (
        select
            {%- for name in mapping['columns'] %}
            {{ mapped_text(name, types[name], mapping) }} as {{ name }},
            {%- endfor %}
            {%- for name, in_files in mapping.minus.items() %}
            {%- set outer = loop.index %}
            {%- for in_file in in_files %}
            {{ plain_number('minus_' ~ outer ~ '_' ~ loop.index, mapping.decimal) }} as minus_{{ outer }}_{{ loop.index }},
            {%- endfor %}
            {%- endfor %}
            {%- for in_file in mapping.only %}
            is_taken_{{ loop.index }},
            {%- endfor %}
            file,
            file_date,
            scan_position,
            case
                when not ({% for in_file in mapping.only %}is_taken_{{ loop.index }} and {% endfor %}true) then 'part'
            end as record_role,
            cast(null as varchar) as mapping_fault
        from (
            {%- for scan in folder.scans %}
            {{ 'union all' if not loop.first }}
            select
                {%- for name, in_file in mapping['columns'].items() %}
                {{ text_of(scan, in_file) }} as {{ name }},
                {%- endfor %}
                {%- for name, in_files in mapping.minus.items() %}
                {%- set outer = loop.index %}
                {%- for in_file in in_files %}
                {{ text_of(scan, in_file) }} as minus_{{ outer }}_{{ loop.index }},
                {%- endfor %}
                {%- endfor %}
                {%- for in_file, taken in mapping.only.items() %}
                {{ is_taken(text_of(scan, in_file), taken) }} as is_taken_{{ loop.index }},
                {%- endfor %}
                {{ file_of('filename') }} as file,
                {{ date_in_text(file_of('filename')) }} as file_date,
                row_number() over () as scan_position
            from {{ scan.reader }}
            {%- endfor %}
        )
    )
{%- endmacro %}

{#- Whether a text is one of those of the key `only`; * stands for every text that is not empty. -#}
{% macro is_taken(text, taken) -%}
    {%- if '*' in taken -%}
    {{ text }} is not null
    {%- else -%}
    lower(coalesce({{ text }}, '')) in ({% for one in taken %}{{ sql_text(one | lower) }}{{ ', ' if not loop.last }}{% endfor %})
    {%- endif -%}
{%- endmacro %}

{#- The currency of a row's amounts. -#}
{% macro currency_of(mapping) -%}
    {%- set otherwise = sql_text(mapping.currency or mapping['values'].get('currency') or var('reporting_currency')) -%}
    {{ 'coalesce(currency, ' ~ otherwise ~ ')' if 'currency' in mapping['columns'] else otherwise }}
{%- endmacro %}


{#-
    The rows with one key in one file as one record: decimals are added up, another column has the first text that is not
    empty. The first row becomes the record, and the others are part of it. A row without a key is a record by itself.
-#}
{% macro one_row_per_record(folder, types) -%}
    {%- set mapping = folder.mapping -%}
    select
        {%- for name in mapping['columns'] %}
        {{ sum_of_texts(name) if types[name] == 'decimal' else 'first_value(' ~ name ~ ' ignore nulls) over of_record' }} as {{ name }},
        {%- endfor %}
        {%- for in_file in mapping.only %}
        is_taken_{{ loop.index }},
        {%- endfor %}
        file,
        file_date,
        scan_position,
        case
            when row_number() over (partition by file, record_role, {{ mapping.sum_by }}, lone_row order by scan_position) > 1
                then 'part'
            else record_role
        end as record_role,
        {%- if 'currency' in mapping['columns'] %}
        case when min(upper(currency)) over of_record <> max(upper(currency)) over of_record then 'currency differs between the rows of this record' end as mapping_fault
        {%- else %}
        mapping_fault
        {%- endif %}
    from (
        select
            *,
            case when {{ mapping.sum_by }} is null then scan_position end as lone_row
        from (
            {{ mapped_rows(folder, types) }}
        )
    )
    window of_record as (
        partition by file, record_role, {{ mapping.sum_by }}, lone_row
        order by scan_position
        rows between unbounded preceding and unbounded following
    )
{%- endmacro %}

{#- The sum of decimal texts in a window of_record; one that is no decimal stands for all, so that it is rejected by name. -#}
{% macro sum_of_texts(text) -%}
    coalesce(
        max(case when not {{ is_decimal(text) }} then {{ text }} end) over of_record,
        cast(sum(try_cast({{ text }} as decimal(38, 9))) over of_record as varchar)
    )
{%- endmacro %}

{#-
    A decimal text less others, whichever sign these have: a discount makes nothing dearer. An empty one is 0. One that is no
    decimal stands for the difference, so that it is rejected by name.
-#}
{% macro difference_of_texts(text, minus) -%}
    case
        when {{ text }} is null or not {{ is_decimal(text) }} then {{ text }}
        {%- for other in minus %}
        when not {{ is_decimal(other) }} then {{ other }}
        {%- endfor %}
        else cast(
            try_cast({{ text }} as decimal(38, 9))
            {%- for other in minus %} - coalesce(abs(try_cast({{ other }} as decimal(38, 9))), 0){% endfor %}
            as varchar
        )
    end
{%- endmacro %}


{#- The text of one column in the contract's form. -#}
{% macro mapped_text(name, data_type, mapping) -%}
    {%- if data_type in ('decimal', 'rate', 'integer') -%}
    {{ plain_number(name, mapping.decimal) }}
    {%- elif data_type == 'timestamp' -%}
    {{ mapped_time(name, mapping.timestamps.form + mapping.dates, mapping.timestamps.zone) }}
    {%- elif data_type == 'date' -%}
    {{ mapped_time(name, mapping.dates, 'UTC') }}
    {%- else -%}
    {{ in_words(name, mapping.words.get(name, {})) }}
    {%- endif -%}
{%- endmacro %}


{#- A time of one of some forms as ISO text. ISO and epoch have no form of strptime. -#}
{% macro mapped_time(text, forms, zone) -%}
    {%- set by_form = forms | reject('in', ['iso', 'epoch']) | unique | list -%}
    {%- if 'iso' in forms and zone != 'UTC' -%}
        {#- A local time; a fraction and the T may be there or not. -#}
        {%- set by_form = by_form + [
            '%Y-%m-%d %H:%M:%S.%f', '%Y-%m-%dT%H:%M:%S.%f', '%Y-%m-%d %H:%M:%S', '%Y-%m-%dT%H:%M:%S',
            '%Y-%m-%d %H:%M', '%Y-%m-%dT%H:%M',
        ] -%}
    {%- endif -%}
    {%- if 'epoch' in forms -%}{%- set text = iso_from_epoch(text) -%}{%- endif -%}
    {{ iso_from(text, by_form, sql_text(zone)) if by_form else text }}
{%- endmacro %}


{#- The contract's word for a word of the file, where the mapping has one. Case makes no difference. -#}
{% macro in_words(text, words) -%}
    {%- if words -%}
    case lower({{ text }}) {% for theirs, ours in words.items() %}when {{ sql_text(theirs | lower) }} then {{ sql_text(ours) if ours else 'null' }} {% endfor %}else {{ text }} end
    {%- else -%}
    {{ text }}
    {%- endif -%}
{%- endmacro %}
