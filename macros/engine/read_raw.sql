{#-
    The rows of a raw table, read from the files that stg_source_files lists and cast by the contract in
    models/staging/_sources.yml. One row per record:

      <contract columns>  cast strictly. NULL where the text is empty or not of the contract's form.
      file                where the record stands, relative to the landing zone.
      file_date           the first YYYY-MM-DD in that name.
      scan_position       order of the records within one file (not from 1).
      contract_faults     the columns that the cast refused. '' for a good record.
      raw_fields          a struct of the record's texts.
      content_hash        of the values, the same from CSV and Parquet, and whether a file lacks an optional
                          column or leaves it empty. It decides where nothing tells which version is newer.

    Nothing is sniffed: each file's header is known. One scan reads all files with the same header.
-#}
{% macro read_raw(relation) %}
    {%- set contract = raw_contract(relation.identifier) -%}
    {%- set scans = raw_scans(relation.identifier) -%}
    {%- do warn_of_unknown_columns(relation.identifier, contract, scans) -%}
    {#- Refuses a column that is declared to pass through and cannot. -#}
    {%- do pass_through_columns(relation.identifier) -%}
    (
    select
        * exclude ({% for column in contract %}{{ column.name }}_text, {% endfor %}filename),
        {{ file_of('filename') }} as file,
        {{ date_in_text(file_of('filename')) }} as file_date,
        concat_ws('; '
            {%- for column in contract %}
            {%- set text = column.name ~ '_text' %}
            {%- if column.config.meta.required and not column.config.meta.nullable %},
            case when {{ text }} is null then '{{ column.name }} is missing' end
            {%- endif %}
            {%- if column.data_type != 'text' %},
            case when {{ text }} is not null and {{ column.name }} is null
                then '{{ column.name }} is not {{ form_of(column.data_type) }}' end
            {%- endif %}
            {%- endfor %}
        ) as contract_faults,
        struct_pack({% for column in contract %}{{ column.name }} := {{ column.name }}_text{{ ', ' if not loop.last }}{% endfor %})
            as raw_fields,
        md5(concat_ws(chr(31){% for column in contract %}, '{{ column.name }}=' || {{ column.name }}{% endfor %}))
            as content_hash
    from (
    select
        {%- for column in contract %}
        {{ cast_text(column.name ~ '_text', column.data_type) }} as {{ column.name }},
        {{ column.name }}_text,
        {%- endfor %}
        filename,
        scan_position
    from (
        {%- for scan in scans %}
        {{ 'union all' if not loop.first }}
        select
            {%- for column in contract %}
            {%- if column.name in scan.columns %}
            {{ trimmed('cast("' ~ column.name ~ '" as varchar)') }} as {{ column.name }}_text,
            {%- else %}
            cast(null as varchar) as {{ column.name }}_text,
            {%- endif %}
            {%- endfor %}
            filename,
            row_number() over () as scan_position
        from {{ scan.reader }}
        {%- else %}
        select
            {%- for column in contract %}
            cast(null as varchar) as {{ column.name }}_text,
            {%- endfor %}
            cast(null as varchar) as filename,
            cast(null as bigint) as scan_position
        where false
        {%- endfor %}
    )
    )
    )
{%- endmacro %}


{#- A text without white space around it, NULL when nothing is left. To look first is twice as fast. -#}
{% macro trimmed(text) -%}
    nullif(
        case
            when regexp_matches({{ text }}, '^[\s\xA0]|[\s\xA0]$')
                then trim({{ text }}, ' ' || chr(9) || chr(10) || chr(13) || chr(160))
            else {{ text }}
        end,
        ''
    )
{%- endmacro %}


{#- A path as the engine tells it, made relative to the landing zone as the list of files does it. -#}
{% macro file_of(path) -%}
    {%- set inventory = ref('stg_source_files') -%}
    {%- set folder = namespace(length=0) -%}
    {%- if execute and load_relation(inventory) -%}
        {%- set lengths = run_query("select max(length(path) - length(file)) from " ~ inventory) -%}
        {%- set folder.length = lengths.rows[0][0] or 0 -%}
    {%- endif -%}
    substr({{ path }}, {{ folder.length + 1 }})
{%- endmacro %}


{#-
    The columns of a raw table as models/staging/_sources.yml declares them. A unit test knows no sources, so there the
    list is empty.
-#}
{% macro raw_contract(table_name) %}
    {%- if execute -%}
        {%- for node in graph.get('sources', {}).values() if node.source_name == 'raw' and node.name == table_name -%}
            {{ return(node.columns.values() | list) }}
        {%- endfor -%}
    {%- endif -%}
    {{ return([]) }}
{% endmacro %}


{#- One scan per distinct header among the table's files; refuses a file that lacks a required column. -#}
{% macro raw_scans(table_name) %}
    {%- set inventory = ref('stg_source_files') -%}
    {%- if not execute or not load_relation(inventory) -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set groups = run_query(
        "select format, columns, to_json(list(path order by path)), min(file) from " ~ inventory
        ~ " where table_name = '" ~ table_name ~ "' group by format, columns, types order by min(file)"
    ) -%}
    {%- set contract = raw_contract(table_name) -%}
    {%- set scans = [] -%}
    {%- for format, columns_json, paths_json, first_file in groups.rows -%}
        {%- set columns = fromjson(columns_json) -%}
        {%- for column in contract if column.config.meta.required and column.name not in columns -%}
            {%- do exceptions.raise_compiler_error(
                first_file ~ ": required column " ~ column.name ~ " is missing; the file has: " ~ columns | join(', ')
            ) -%}
        {%- endfor -%}
        {%- do scans.append({
            'columns': columns,
            'reader': raw_reader(table_name, format, columns, fromjson(paths_json)),
        }) -%}
    {%- endfor -%}
    {{ return(scans) }}
{% endmacro %}


{% macro warn_of_unknown_columns(table_name, contract, scans) %}
    {%- set unknown = [] -%}
    {%- for scan in scans -%}
        {%- for name in scan.columns if name not in contract | map(attribute='name') and name not in unknown -%}
            {%- do unknown.append(name) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if unknown -%}
        {%- do exceptions.warn(
            table_name ~ ": columns that the contract does not know are left out: " ~ unknown | join(', ')
        ) -%}
    {%- endif -%}
{% endmacro %}


{#- Lines that are no records are left out of the scan and kept by the engine until set_aside_lines takes them. -#}
{% macro raw_reader(table_name, format, columns, paths) -%}
    {%- set quoted = [] -%}
    {%- for path in paths -%}{%- do quoted.append("'" ~ path | replace("'", "''") ~ "'") -%}{%- endfor -%}
    {%- if format == 'parquet' -%}
    read_parquet([{{ quoted | join(', ') }}], filename = true)
    {%- else -%}
    read_csv(
        [{{ quoted | join(', ') }}], auto_detect = false, header = false, skip = 1, filename = true,
        delim = ',', quote = '"', escape = '"',
        store_rejects = true, rejects_table = '{{ table_name }}_lines', rejects_scan = '{{ table_name }}_scans',
        columns = { {%- for name in columns %}'{{ name | replace("'", "''") }}': 'VARCHAR'{{ ', ' if not loop.last }}{% endfor -%} }
    )
    {%- endif -%}
{%- endmacro %}


{#-
    A hook after the model that read a raw table: lines that are no records (too few or too many fields), which the
    scan passed over, become rejected records.
-#}
{% macro set_aside_lines(table_name) %}
    {%- if not execute -%}{{ return('') }}{%- endif -%}
    {%- set lines = table_name ~ '_lines' -%}
    {%- set scans = table_name ~ '_scans' -%}
    {%- set exists = run_query("select count(*) from duckdb_tables() where table_name = '" ~ lines ~ "'") -%}
    {%- if exists.rows[0][0] == 0 -%}{{ return('') }}{%- endif -%}

    insert into {{ this }} by name
    select
        {{ file_of('scans.file_path') }} as file,
        'rejected' as outcome,
        case cast(lines.error_type as varchar)
            when 'MISSING COLUMNS' then 'line has too few fields'
            when 'TOO MANY COLUMNS' then 'line has too many fields'
            else 'line is no record: ' || lower(cast(lines.error_type as varchar))
        end as reject_reason,
        any_value(lines.csv_line) as raw_record,
        lines.line
    from {{ lines }} as lines
    inner join {{ scans }} as scans using (scan_id, file_id)
    group by scans.file_path, lines.line, lines.error_type
{% endmacro %}


{#- The texts of a rejected record that its reasons are about: 'amount: 10,50; status: lost'. A reason opens with its column. -#}
{% macro rejected_words(table_name) -%}
    {%- set contract = raw_contract(table_name) -%}
    nullif(concat_ws('; ', cast(null as varchar)
        {%- for column in contract %},
        case when '; ' || reject_reason like '%; {{ column.name }} %'
            then '{{ column.name }}: ' || left(json_extract_string(raw_record, '$.{{ column.name }}'), 60) end
        {%- endfor %}
    ), '')
{%- endmacro %}


{#- A hook after the list of files: says once what lies in the landing zone and is not read. -#}
{% macro warn_of_files_left_out() %}
    {%- if not execute -%}{{ return('') }}{%- endif -%}
    {%- set files = run_query("select file from " ~ this ~ " where format = 'left out' order by file") -%}
    {%- if files.rows -%}
        {%- do exceptions.warn(
            "not read, for they are no .csv, .csv.gz or .parquet files in the folder of a raw table: "
            ~ files.columns[0].values() | join(', ')
        ) -%}
    {%- endif -%}
    delete from {{ this }} where format = 'left out'
{% endmacro %}
