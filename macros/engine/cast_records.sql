{#-
    Judging: the records of a contract table, from its own files, from every system that feeds it, and from folders with a
    _mapping.yml; all cast by the contract in models/staging/_sources.yml. One row per record:

      <contract columns>  cast strictly. NULL where the text is empty or not of the contract's form.
      file, file_date, scan_position   as read_texts describes them.
      record_role         NULL; 'part' for a line that belongs to another record; 'derived' for a record that was counted
                          already, in another row of its file.
      contract_faults     why the record is refused, by column. '' for a good record.
      remark              what was made right or assumed while reading. NULL for most records.
      raw_fields          a struct of the record's texts.
      content_hash        of the values, the same from every format, and whether a file lacks an optional column or leaves
                          it empty. It decides where nothing tells which version is newer.
-#}
{% macro cast_records(relation) %}
    {%- set contract = declared_columns(relation.schema, relation.identifier) -%}
    {#- Refuses a column that is declared to pass through and cannot. -#}
    {%- do pass_through_columns(relation.identifier) -%}
    {%- set columns = contract | map(attribute='name') | list -%}
    {%- set inputs = texts_of_table(relation, columns) -%}
    (
    select
        {{ all_except(texts_of(columns) + ['mapping_fault', 'mapping_remark']) }},
        {%- if inputs.is_mapped %}
        case when record_role = 'part' then coalesce(mapping_fault, '') else {{ contract_faults(contract) }} end
        {%- else %}
        {{ contract_faults(contract) }}
        {%- endif %} as contract_faults,
        {{ contract_remarks(contract) }} as remark,
        {{ record_of(columns) }} as raw_fields,
        md5(concat_ws(chr(31){% for column in columns %}, '{{ column }}=' || {{ column }}{% endfor %})) as content_hash
    from (
    select
        {%- for column in contract %}
        {{ cast_text(column.name ~ '_text', column.data_type) }} as {{ column.name }},
        {{ column.name }}_text,
        {%- endfor %}
        file,
        file_date,
        scan_position,
        record_role,
        mapping_fault,
        mapping_remark
    from (
        {{ inputs.sql }}
    )
    )
    )
{%- endmacro %}


{#- The names of the texts of some columns. -#}
{% macro texts_of(columns) %}
    {%- set found = [] -%}
    {%- for column in columns -%}{%- do found.append(column ~ '_text') -%}{%- endfor -%}
    {{ return(found) }}
{% endmacro %}


{#- A text of all columns that are missing or not of the contract's form. -#}
{% macro contract_faults(contract) -%}
    concat_ws('; ', mapping_fault
        {%- for column in contract %}
        {%- set text = column.name ~ '_text' %}
        {%- if column.config.meta.required and not column.config.meta.nullable %},
        case when {{ text }} is null then '{{ column.name }} is missing' end
        {%- endif %}
        {%- if column.data_type != 'text' and not column.config.meta.droppable %},
        case when {{ text }} is not null and {{ column.name }} is null
            then '{{ column.name }} is not {{ form_of(column.data_type) }}' end
        {%- endif %}
        {%- endfor %}
    )
{%- endmacro %}


{#- A text of what the casts changed: more than a form, less than a fault. -#}
{% macro contract_remarks(contract) -%}
    nullif(concat_ws('; ', mapping_remark
        {%- for column in contract %}
        {%- set text = column.name ~ '_text' %}
        {%- if column.data_type == 'identifier' %},
        case
            when {{ ends_with_zero(text) }} and {{ column.name }} is not null and not {{ ends_with_zero(column.name) }}
                then '{{ column.name }} was written as a number with .0'
            when {{ text }} like '''%' and {{ column.name }} not like '''%'
                then '{{ column.name }} was written with an apostrophe before it'
        end
        {%- elif column.data_type == 'decimal' %},
        -- no text of six signs has five decimals
        case
            when length({{ text }}) > 6 and {{ is_rounded(text, column.name) }}
                then '{{ column.name }} is rounded to four decimals'
        end
        {%- endif %}
        {%- if column.config.meta.droppable %},
        case
            when {{ text }} is not null and {{ column.name }} is null
                then '{{ column.name }} cannot be read and is left empty'
        end
        {%- endif %}
        {%- endfor %}
    ), '')
{%- endmacro %}


{#-
    The texts of a contract table from every side, in columns <contract column>_text. Ids of several systems are kept apart
    by a prefix; macro id_prefix says which.
-#}
{% macro texts_of_table(relation, columns) %}
    {#- While dbt parses, a source is told by the name of the model that asks for it: stg_order_records. -#}
    {%- set table_name = relation.identifier if execute
        else relation.identifier | replace('stg_', '') | replace('_records', 's') -%}
    {%- set declared = declared_columns(relation.schema, table_name) -%}
    {%- set arms = [] -%}
    {%- set of_customers = columns | select('in', ['customer_id', 'referred_by_customer_id', 'merged_into_customer_id']) | list -%}
    {%- set own = scans_of(relation.schema, table_name) -%}
    {%- do warn_of_unknown_columns(table_name, columns, own) -%}
    {%- if own -%}
        {%- do arms.append({
            'prefix': id_prefix(relation.schema),
            'sql': "select *, cast(null as string) as record_role, cast(null as string) as mapping_fault,"
            ~ " cast(null as string) as remark, '" ~ id_prefix(relation.schema) ~ "' as id_prefix from ("
            ~ union_of_scans(own, columns) ~ ")",
        }) -%}
    {%- endif -%}
    {%- do arms.extend(arms_of_other_systems(table_name)) -%}
    {%- set sql -%}
    select
        {%- for column in declared %}
        {%- set text = without_address(column.name) if column.name in of_customers else column.name %}
        {{ 'id_prefix || ' if column.config.meta.kept_apart and arms | selectattr('prefix') | list }}{{ text }} as {{ column.name }}_text,
        {%- endfor %}
        file,
        file_date,
        scan_position,
        record_role,
        mapping_fault,
        nullif(concat_ws('; ', remark
            {%- for name in of_customers %},
            case when {{ is_address(name) }} then '{{ name }} is an e-mail address, of which a hash is kept' end
            {%- endfor %}
        ), '') as mapping_remark
    from (
        {{ union_of_arms(columns, arms) }}
    )
    {%- endset -%}
    {{ return({'sql': sql, 'is_mapped': arms | length > (1 if own else 0)}) }}
{% endmacro %}


{#- The texts of all arms of a contract table, and of none if there is none. -#}
{% macro union_of_arms(columns, arms) %}
        select
            {%- for column in columns %}
            cast(null as string) as {{ column }},
            {%- endfor %}
            cast(null as string) as file,
            cast(null as date) as file_date,
            cast(null as bigint) as scan_position,
            cast(null as string) as record_role,
            cast(null as string) as mapping_fault,
            cast(null as string) as remark,
            '' as id_prefix
        where false
        {%- for arm in arms %}

        {{ union_all_by_name() }}

        {{ arm.sql }}
        {%- endfor %}
{%- endmacro %}


{#- What the models of models/sources/ and folders with a _mapping.yml feed into a contract table: {sql, prefix} of each. -#}
{% macro arms_of_other_systems(table_name) %}
    {{ return(adapter.dispatch('arms_of_other_systems', 'tenure')(table_name)) }}
{% endmacro %}

{% macro duckdb__arms_of_other_systems(table_name) %}
    {%- set arms, found = [], [] -%}
    {%- set delivered = delivered_systems() -%}
    {%- for system in systems_of(table_name) -%}
        {#- While dbt parses, it sees what this model depends on. Later, a system that is absent costs nothing. -#}
        {%- if not execute or system in delivered -%}
            {%- do found.append([ref(system ~ '__' ~ table_name), id_prefix(system)]) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for folder in mapped_folders(table_name) -%}
        {%- do found.append(["(" ~ read_mapped(folder, table_name) ~ ")", folder.id_prefix]) -%}
    {%- endfor -%}
    {%- for relation, prefix in found -%}
        {%- do arms.append({'sql': "select *, '" ~ prefix ~ "' as id_prefix from " ~ relation, 'prefix': prefix}) -%}
    {%- endfor -%}
    {{ return(arms) }}
{% endmacro %}

{#- DuckDB has run the mappings, and each record has its prefix. -#}
{% macro spark__arms_of_other_systems(table_name) %}
    {%- set table = table_of_files('other_' ~ table_name) if execute -%}
    {{ return([{'sql': 'select * from ' ~ table, 'prefix': 'of each record'}] if table else []) }}
{% endmacro %}


{#- The same records as a raw table for Spark, with the columns in order: orchestration/spark/other_systems.py runs it on DuckDB. -#}
{% macro texts_of_other_systems(table_name) %}
    {%- set columns = declared_columns('raw', table_name) | map(attribute='name') | list -%}
    select
        {%- for column in columns + ['file', 'file_date', 'scan_position', 'record_role', 'mapping_fault', 'remark'] %}
        {{ column }},
        {%- endfor %}
        id_prefix
    from (
        {{ union_of_arms(columns, arms_of_other_systems(table_name)) }}
    )
{%- endmacro %}

{#- An address is personal, so no customer has it as an id. -#}
{% macro without_address(text) -%}
    case when {{ is_address(text) }} then {{ hashed(text) }} else {{ text }} end
{%- endmacro %}

{#- Whether a text holds an e-mail address. To look for the sign first is five times as fast. -#}
{% macro is_address(text) -%}
    contains({{ text }}, '@') and {{ matches(text, '[^@ \\t\\n\\f\\r]+@[^@ \\t\\n\\f\\r]+[.][^@ \\t\\n\\f\\r]') }}
{%- endmacro %}


{#- The systems of the landing zone: 'raw' for the contract's own folders, and names of folders. -#}
{% macro delivered_systems() %}
    {%- set inventory = ref('stg_source_files') -%}
    {%- if not execute or not load_relation(inventory) -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set found = run_query("select distinct system from " ~ inventory ~ " order by system") -%}
    {{ return(found.columns[0].values() | list) }}
{% endmacro %}


{#-
    What stands before the ids of a system: nothing if it is the only one in the landing zone. Else its name, but nothing
    for the contract's own files. The var id_prefixes says otherwise: systems with one prefix share their ids.
-#}
{% macro id_prefix(system) %}
    {%- set given = var('id_prefixes') -%}
    {%- if system in given -%}
        {{ return(given[system] ~ ':' if given[system] else '') }}
    {%- elif system == 'raw' or delivered_systems() | length < 2 -%}
        {{ return('') }}
    {%- endif -%}
    {{ return(system ~ ':') }}
{% endmacro %}


{#- A hook after the list of files: says once which systems' ids get a prefix that nobody has asked for. -#}
{% macro warn_of_prefixes() %}
    {%- if not execute -%}{{ return('') }}{%- endif -%}
    {%- set systems = run_query(
        "select system, max(" ~ json_text("nullif(mapping, '')", 'id_prefix') ~ ") as own_prefix from " ~ this
        ~ " where format <> 'left out' group by system order by system"
    ).rows -%}
    {%- set unasked = [] -%}
    {%- for system, own_prefix in systems if own_prefix is none and system not in ['raw'] + var('id_prefixes').keys() | list -%}
        {%- do unasked.append(system) -%}
    {%- endfor -%}
    {%- if systems | length > 1 and unasked -%}
        {%- do exceptions.warn(
            "several systems deliver, so ids of these get their name as a prefix: " ~ unasked | join(', ')
            ~ "; the var id_prefixes says otherwise"
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro warn_of_unknown_columns(table_name, known, scans) %}
    {%- set unknown = [] -%}
    {%- for scan in scans -%}
        {%- for name in scan.columns
            if (name | lower).split('__v_')[0] not in known and name not in unknown
            and not (name | lower).startswith(('_dlt_', '_airbyte_', '_sdc_', '_fivetran_')) -%}
            {%- do unknown.append(name) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if unknown -%}
        {%- do exceptions.warn(
            table_name ~ ": columns that the contract does not know are left out: " ~ unknown | join(', ')
        ) -%}
    {%- endif -%}
{% endmacro %}


{#- The texts of a rejected record that its reasons are about: 'amount: 10,50; status: lost'. A reason opens with its column. -#}
{% macro rejected_words(table_name) -%}
    nullif(concat_ws('; ', cast(null as string)
        {%- for column in declared_columns('raw', table_name) %},
        case when '; ' || reject_reason like '%; {{ column.name }} %'
            then '{{ column.name }}: ' || left({{ json_text('raw_record', column.name) }}, 60) end
        {%- endfor %}
    ), '')
{%- endmacro %}
