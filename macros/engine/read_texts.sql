{#-
    Reading: files to texts. One row per record of all files of an entity, which is a table of a source in
    models/sources/, or of the contract in models/staging/_sources.yml:

      <declared columns>  the text, trimmed. NULL where the text is empty or the file lacks the column. A nested value is
                          its JSON. A name such as "Lineitem price" becomes lineitem_price.
      file                where the record stands, relative to the landing zone.
      file_date           the first YYYY-MM-DD in that name.
      scan_position       order of the records within one file (not from 1).

    Nothing is sniffed: stg_source_files knows the heading of each file. One scan reads all files with the same heading.
    A unit test gives the records itself.
-#}
{% macro read_texts(relation) %}
    {{ return(adapter.dispatch('read_texts', 'tenure')(relation)) }}
{% endmacro %}

{% macro duckdb__read_texts(relation) %}
    {%- set declared = declared_columns(relation.schema, relation.identifier) -%}
    {%- if execute and not declared -%}
    {{ relation }}
    {%- else -%}
    {%- set names = declared | map(attribute='name') | list -%}
    (
        {{ union_of_scans(scans_of(relation.schema, relation.identifier), names) }}
    )
    {%- endif -%}
{%- endmacro %}


{#- Whether raw records come from the files of a landing zone; on Spark they come from tables. -#}
{% macro reads_files() %}
    {{ return(target.type == 'duckdb') }}
{% endmacro %}


{#- The texts of some scans, as read_texts describes them. -#}
{% macro union_of_scans(scans, names) %}
    {%- for scan in scans %}
    {{ 'union all' if not loop.first }}
    select
        {%- for name in names %}
        {{ text_of(scan, name) }} as {{ clean_name(name) }},
        {%- endfor %}
        {{ file_of(scan.file) }} as file,
        {{ date_in_text(file_of(scan.file)) }} as file_date,
        {{ scan.position }} as scan_position
    from {{ scan.reader }}
    {%- else %}
    select
        {%- for name in names %}
        cast(null as string) as {{ clean_name(name) }},
        {%- endfor %}
        cast(null as string) as file,
        cast(null as date) as file_date,
        cast(null as bigint) as scan_position
    where false
    {%- endfor %}
{%- endmacro %}


{#-
    The text of one column of a scan. A name is compared without regard to case. dlt keeps a value of another type than the
    column's first one beside it: amount__v_double beside amount.
-#}
{% macro text_of(scan, name) -%}
    {%- set texts = [] -%}
    {%- for column in scan.columns if column == name | lower -%}{%- do texts.append(text_at(scan, column)) -%}{%- endfor -%}
    {%- for column in scan.columns if column.startswith(name | lower ~ '__v_') -%}{%- do texts.append(text_at(scan, column)) -%}{%- endfor -%}
    {%- if not texts -%}
    cast(null as string)
    {%- elif texts | length == 1 -%}
    {{ texts[0] }}
    {%- else -%}
    coalesce({{ texts | join(', ') }})
    {%- endif -%}
{%- endmacro %}

{% macro text_at(scan, column) %}
    {{ return(adapter.dispatch('text_at', 'tenure')(scan, column)) }}
{% endmacro %}

{% macro duckdb__text_at(scan, column) -%}
    {%- set place = scan.columns.index(column) -%}
    {%- if scan.envelope and not is_beside_envelope(column) -%}
    {{ trimmed("json_extract_string(" ~ quoted(scan.envelope) ~ ", '$.\"" ~ scan.names[place] | replace("'", "''") ~ "\"')") }}
    {%- elif scan.types and not scan.envelope and is_nested(scan.types[place]) -%}
    cast(to_json({{ quoted(scan.names[place]) }}) as varchar)
    {%- else -%}
    {{ trimmed("cast(" ~ quoted(column if scan.format == 'csv' else scan.names[place]) ~ " as varchar)") }}
    {%- endif -%}
{%- endmacro %}

{#- Airbyte's own columns stand beside the envelope with the record. -#}
{% macro is_beside_envelope(name) -%}
    {{ return((name | lower).startswith('_airbyte_')) }}
{%- endmacro %}

{% macro is_nested(data_type) -%}
    {{ return(data_type.startswith(('STRUCT', 'MAP', 'UNION')) or data_type.endswith(']')) }}
{%- endmacro %}

{#- "Created (UTC)" is created_utc: what is no letter and no digit becomes one underscore. -#}
{% macro clean_name(name) -%}
    {{ return(modules.re.sub('[^a-z0-9]+', '_', name | lower).strip('_')) }}
{%- endmacro %}


{#- A text without white space around it, NULL when nothing is left. -#}
{% macro trimmed(text) %}
    {{ return(adapter.dispatch('trimmed', 'tenure')(text)) }}
{% endmacro %}

{% macro spark__trimmed(text) -%}
    nullif(trim(both ' ' || chr(9) || chr(10) || chr(13) || chr(160) from {{ text }}), '')
{%- endmacro %}

{#-
    To look first is twice as fast, and to compare is four times as fast as a pattern. All signs that are cut off sort before !,
    but for the hard space, which is no ASCII.
-#}
{% macro duckdb__trimmed(text) -%}
    {%- set signs = ["' '", 'chr(9)', 'chr(10)', 'chr(13)', 'chr(160)'] -%}
    nullif(
        case
            when
                {{ text }} < '!' or {{ text }} >= chr(128)
                {%- for sign in signs %} or ends_with({{ text }}, {{ sign }}){% endfor %}
                then trim({{ text }}, {{ signs | join(' || ') }})
            else {{ text }}
        end,
        ''
    )
{%- endmacro %}


{#- A path as the engine tells it, made relative to the landing zone as the list of files does it. -#}
{% macro file_of(path) %}
    {{ return(adapter.dispatch('file_of', 'tenure')(path)) }}
{% endmacro %}

{#- A raw table says it as it should be. -#}
{% macro spark__file_of(path) -%}
    {{ path }}
{%- endmacro %}

{% macro duckdb__file_of(path) -%}
    {%- set inventory = ref('stg_source_files') -%}
    {%- set folder = namespace(length=0) -%}
    {%- if execute and load_relation(inventory) -%}
        {%- set lengths = run_query("select max(length(path) - length(file)) from " ~ inventory) -%}
        {%- set folder.length = lengths.rows[0][0] or 0 -%}
    {%- endif -%}
    substr({{ path }}, {{ folder.length + 1 }})
{%- endmacro %}


{#-
    The columns of an entity as its YAML declares them. A unit test knows no sources, so there the list is empty.
-#}
{% macro declared_columns(source_name, table_name) %}
    {%- if execute -%}
        {%- for node in graph.get('sources', {}).values()
            if node.source_name == source_name and node.name == table_name -%}
            {{ return(node.columns.values() | list) }}
        {%- endfor -%}
    {%- endif -%}
    {{ return([]) }}
{% endmacro %}


{#- One scan per distinct heading among the files of an entity. On Spark, its raw table is the one scan. -#}
{% macro scans_of(system, entity) %}
    {{ return(adapter.dispatch('scans_of', 'tenure')(system, entity)) }}
{% endmacro %}

{% macro duckdb__scans_of(system, entity) %}
    {%- set inventory = ref('stg_source_files') -%}
    {%- if not execute or not load_relation(inventory) -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set groups = run_query(
        "select format, compression, delimiter, heading, envelope, columns, names, types, mapping,"
        ~ " to_json(list(path order by path)), min(file)"
        ~ " from " ~ inventory ~ " where system = '" ~ system | replace("'", "''") ~ "' and entity = '" ~ entity
        ~ "' group by format, compression, delimiter, heading, envelope, columns, names, types, mapping order by min(file)"
    ) -%}
    {%- set scans = [] -%}
    {%- for format, compression, delimiter, heading, envelope, columns, names, types, mapping, paths, first_file in groups.rows -%}
        {%- set scan = {
            'lines': lines_of(system, entity),
            'format': format,
            'compression': compression or 'none',
            'delimiter': delimiter,
            'heading': fromjson(heading),
            'envelope': envelope,
            'columns': fromjson(columns),
            'names': fromjson(names),
            'types': fromjson(types),
            'mapping': mapping,
            'encoding': fromjson(mapping).encoding if mapping else 'utf-8',
            'paths': fromjson(paths),
            'file': 'filename',
            'position': 'row_number() over ()',
        } -%}
        {%- do scan.update({'reader': reader_of(scan)}) -%}
        {%- do scans.append(scan) -%}
    {%- endfor -%}
    {{ return(scans) }}
{% endmacro %}


{#- Lines that are no records are left out of the scan and kept by the engine until set_aside_lines takes them. -#}
{% macro reader_of(scan) -%}
    {%- set paths = [] -%}
    {%- for path in scan.paths -%}{%- do paths.append("'" ~ path | replace("'", "''") ~ "'") -%}{%- endfor -%}
    {%- set columns = [] -%}
    {%- set in_file = scan.heading if scan.format == 'csv' else scan.names -%}
    {%- if scan.envelope and scan.format != 'csv' -%}
        {%- set in_file = [scan.envelope] -%}
        {%- for name in scan.names if is_beside_envelope(name) and name != scan.envelope -%}{%- do in_file.append(name) -%}{%- endfor -%}
    {%- endif -%}
    {%- for name in in_file -%}
        {%- do columns.append("'" ~ name | replace("'", "''") ~ "': 'VARCHAR'") -%}
    {%- endfor -%}
    {%- if scan.format == 'parquet' -%}
    read_parquet([{{ paths | join(', ') }}], filename = true, hive_partitioning = false)
    {%- elif scan.format in ('json', 'json_array') -%}
    read_json(
        [{{ paths | join(', ') }}], format = '{{ 'array' if scan.format == 'json_array' else 'newline_delimited' }}',
        filename = true, hive_partitioning = false,
        {#- JSON has another word for none. #}
        compression = '{{ 'uncompressed' if scan.compression == 'none' else scan.compression }}', columns = { {{ columns | join(', ') }} }
    )
    {%- else -%}
    read_csv(
        [{{ paths | join(', ') }}], auto_detect = false, header = false, skip = 1, filename = true,
        hive_partitioning = false, compression = '{{ scan.compression }}', delim = '{{ scan.delimiter }}', quote = '"', escape = '"',
        encoding = '{{ scan.encoding }}',
        store_rejects = true, rejects_table = '{{ scan.lines }}_lines', rejects_scan = '{{ scan.lines }}_scans',
        columns = { {{ columns | join(', ') }} }
    )
    {%- endif -%}
{%- endmacro %}


{#-
    A hook after the model that read the files of a contract table: lines that are no records (too few or too many fields),
    which the scan passed over, become rejected records. Without a table: the lines of supporting files.
-#}
{% macro set_aside_lines(table_name=none) %}
    {{ return(adapter.dispatch('set_aside_lines', 'tenure')(table_name)) }}
{% endmacro %}

{% macro duckdb__set_aside_lines(table_name) %}
    {%- if not execute -%}{{ return('') }}{%- endif -%}
    {%- set entities = run_query(
        "select distinct system, entity from " ~ ref('stg_source_files') ~ " where format = 'csv' and "
        ~ ("is_part" if table_name is none else "not is_part and table_name = '" ~ table_name ~ "'")
    ) -%}
    {%- for system, entity in entities.rows -%}
    {%- set lines = lines_of(system, entity) -%}
    {%- set exists = run_query("select count(*) from duckdb_tables() where table_name = '" ~ lines ~ "_lines'") -%}
    {%- if exists.rows[0][0] > 0 %}

    insert into {{ this }} by name
    select
        {{ file_of('scans.file_path') }} as file,
        'rejected' as outcome,
        {{ fault_of_line('cast(lines.error_type as varchar)') }} as reject_reason,
        any_value(lines.csv_line) as raw_record,
        lines.line
    from {{ lines }}_lines as lines
    inner join {{ lines }}_scans as scans using (scan_id, file_id)
    group by scans.file_path, lines.line, lines.error_type;
    {%- endif -%}
    {%- endfor -%}
{% endmacro %}

{#- What is wrong with a line that is no record, by the word of the engine that read the file. -#}
{% macro fault_of_line(error) -%}
    case {{ error }}
        when 'MISSING COLUMNS' then 'line has too few fields'
        when 'TOO MANY COLUMNS' then 'line has too many fields'
        else 'line is no record: ' || lower({{ error }})
    end
{%- endmacro %}

{#- The first part of the names of the tables in which the engine keeps such lines. -#}
{% macro lines_of(system, entity) -%}
    {{ return(clean_name(system) ~ '_' ~ clean_name(entity)) }}
{%- endmacro %}


{#- A select of the number of records in each supporting file, counted by the engine that reads the files. -#}
{% macro count_supporting_records() %}
    {%- set inventory = ref('stg_source_files') -%}
    {%- set counted_by_duckdb = table_of_files('supporting_records') if execute and not reads_files() -%}
    {%- set scans = [] -%}
    {%- if execute and reads_files() and load_relation(inventory) -%}
        {%- set entities = run_query("select distinct system, entity from " ~ inventory ~ " where is_part order by all") -%}
        {%- for system, entity in entities.rows -%}{%- do scans.extend(scans_of(system, entity)) -%}{%- endfor -%}
    {%- endif -%}
    with

    counted as (
        {%- for scan in scans %}

        {{ 'union all' if not loop.first }}

        select
            {{ file_of('filename') }} as file,
            count(*) as records
        from {{ scan.reader }}
        group by filename
        {%- else %}

        select
            {{ 'file' if counted_by_duckdb else 'cast(null as string) as file' }},
            {{ 'records' if counted_by_duckdb else 'cast(null as bigint) as records' }}
        {{ 'from ' ~ counted_by_duckdb if counted_by_duckdb else 'where false' }}
        {%- endfor %}

    )

    select
        file,
        'part_of' as outcome,
        cast(null as string) as reject_reason,
        cast(null as string) as raw_record,
        records,
        cast(null as bigint) as line

    from counted
{%- endmacro %}


{#- A hook after the list of files: says once what lies in the landing zone and is not read. -#}
{% macro warn_of_files_left_out() %}
    {%- if not execute -%}{{ return('') }}{%- endif -%}
    {#- No table of Spark loses rows, so there the list of files itself leaves them out. -#}
    {%- set listed = this if reads_files() else table_of_files('landed_files') -%}
    {%- if listed -%}
        {%- set files = run_query("select file from " ~ listed ~ " where format = 'left out' order by file") -%}
        {%- if files.rows -%}
            {%- do exceptions.warn(
                "not read, for they lie in the folder of no raw table and of no system that Tenure knows: "
                ~ files.columns[0].values() | join(', ')
            ) -%}
        {%- endif -%}
    {%- endif -%}
    {%- if reads_files() -%}
    delete from {{ this }} where format = 'left out'
    {%- endif -%}
{% endmacro %}
