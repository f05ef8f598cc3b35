{#-
    Reading on Spark: the raw records are tables of a catalog, in the schema raw, with the names of the contract. Columns are
    texts or native types. Two columns may be there besides: file tells where a record came from, and scan_position its place
    in there. A table that is missing is empty.
-#}

{#- A raw table as macro scans_of gives the files of an entity: one scan, or none. -#}
{% macro spark__scans_of(system, entity) %}
    {#- It has looked at all raw tables, so it comes first. -#}
    {%- do ref('stg_source_files') -%}
    {%- if not execute or system != 'raw' -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set table = raw_table(entity) -%}
    {{ return([table] if table else []) }}
{% endmacro %}


{#- The models of other systems are switched off here: DuckDB has run them before. -#}
{% macro spark__read_texts(relation) -%}
    {{ relation }}
{%- endmacro %}


{#-
    A raw table with the columns that it has, none if it is missing. Its files are named after it, since two tables of a
    catalog may have been loaded from files of one name; the files of a landing zone have different names.
-#}
{% macro raw_table(name) %}
    {%- set relation = load_relation(source('raw', name)) -%}
    {%- if not relation -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set columns, names, types = [], [], [] -%}
    {%- for column in adapter.get_columns_in_relation(relation) if column.name | lower not in ['file', 'scan_position'] -%}
        {%- do columns.append(column.name | lower | trim) -%}
        {%- do names.append(column.name) -%}
        {%- do types.append(column.dtype) -%}
    {%- endfor -%}
    {%- set named_after_it = "concat_ws('/', 'raw." ~ name ~ "', cast(file as string))" -%}
    {%- set file = 'file' if table_of_files('landed_files') else named_after_it -%}
    {%- set in_table = adapter.get_columns_in_relation(relation) | map(attribute='name') | map('lower') | list -%}
    {{ return({
        'reader': relation,
        'columns': columns,
        'names': names,
        'types': types,
        'file': file if 'file' in in_table else "'raw." ~ name ~ "'",
        'position': 'scan_position' if 'scan_position' in in_table else 'monotonically_increasing_id()',
    }) }}
{% endmacro %}


{#- A table beside the raw tables that orchestration/spark/raw_tables.py makes of files; none with a catalog of one's own. -#}
{% macro table_of_files(name) %}
    {{ return(load_relation(api.Relation.create(schema='raw', identifier=name))) }}
{% endmacro %}


{#-
    A value of a raw table as the text that a file would have. A number is written as its digits, not as 1.0E7. What has none,
    such as NaN, stays a text, which the contract refuses by name.
-#}
{% macro spark__text_at(scan, column) -%}
    {%- set place = scan.columns.index(column) -%}
    {%- set value, data_type = quoted(scan.names[place]), scan.types[place] | lower -%}
    {%- if data_type.startswith(('struct', 'map', 'array')) -%}
    {{ as_json(value) }}
    {%- elif data_type in ('double', 'float') -%}
    {#- Its shortest text first: as a decimal at once, a float would have digits that nobody wrote. -#}
    coalesce(
        regexp_replace(
            cast(try_cast(cast({{ value }} as string) as decimal(38, 18)) as string), r'([.]\d*[1-9])0+\z|([.]0)0+\z', '$1$2'
        ),
        cast({{ value }} as string)
    )
    {%- else -%}
    {{ trimmed('cast(' ~ value ~ ' as string)') }}
    {%- endif -%}
{%- endmacro %}


{#- The rows of stg_source_files for raw tables: one per table and file. Refuses a table that lacks a required column. -#}
{% macro files_of_raw_tables() %}
    {%- set tables, faults = {}, [] -%}
    {%- if execute -%}
        {%- for node in graph.sources.values() | sort(attribute='name') if node.source_name == 'raw' -%}
            {%- set table = raw_table(node.name) -%}
            {%- if table -%}
                {%- do tables.update({node.name: table}) -%}
                {%- set lacking = [] -%}
                {%- for column in node.columns.values()
                    if column.config.meta.required and column.name not in table.columns -%}
                    {%- do lacking.append(column.name) -%}
                {%- endfor -%}
                {%- if lacking -%}
                    {%- do faults.append(
                        "raw." ~ node.name ~ ": required " ~ ("column " ~ lacking[0] ~ " is" if lacking | length == 1
                        else "columns " ~ lacking | join(', ') ~ " are") ~ " missing; the table has: "
                        ~ table.columns | join(', ')
                    ) -%}
                {%- endif -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if not faults and not (tables.orders or tables.subscriptions) -%}
            {%- do faults.append("raw: no orders and no subscriptions; make one of these tables in the schema raw") -%}
        {%- endif -%}
        {%- if faults -%}{%- do exceptions.raise_compiler_error(faults | join('\n')) -%}{%- endif -%}
    {%- endif -%}
    {%- for name, table in tables.items() %}
    {{ 'union all' if not loop.first }}
    select
        'raw' as system,
        '{{ name }}' as entity,
        '{{ name }}' as table_name,
        {{ table.file }} as file,
        'raw.{{ name }}' as path,
        'table' as format,
        '' as compression,
        '' as delimiter,
        '' as envelope,
        '' as mapping,
        -- of the rows in any order, since nobody keeps the bytes of a table
        sha2(concat_ws(' ', count(*), sum(cast(xxhash64({{ as_json('struct(*)') }}) as decimal(38, 0)))), 256) as sha256,
        {{ sql_text(tojson(table.columns)) }} as columns,
        {{ sql_text(tojson(table.names)) }} as names,
        '[]' as heading,
        {{ sql_text(tojson(table.types)) }} as types,
        count(*) as records,
        cast(0 as bigint) as bytes,
        false as is_part
    from {{ table.reader }}
    group by {{ table.file }}
    {%- else %}
    select
        {%- for name in [
            'system', 'entity', 'table_name', 'file', 'path', 'format', 'compression', 'delimiter', 'envelope', 'mapping',
            'sha256', 'columns', 'names', 'heading', 'types',
        ] %}
        '' as {{ name }},
        {%- endfor %}
        cast(0 as bigint) as records,
        cast(0 as bigint) as bytes,
        false as is_part
    where false
    {%- endfor %}
{% endmacro %}


{#- Lines that are no records were kept when the files became raw tables. -#}
{% macro spark__set_aside_lines(table_name) %}
    {%- set kept = table_of_files('lines_without_a_record') if execute -%}
    {%- if kept -%}
    insert into {{ this }} by name
    select
        file,
        'rejected' as outcome,
        {{ fault_of_line('error') }} as reject_reason,
        text as raw_record,
        line
    from {{ kept }}
    where table_name = '{{ table_name or "" }}'
    {%- endif -%}
{% endmacro %}
