{#-
    A hook after the list of files: says once which files have no record. A loader that stops before its first record leaves
    such a file, and so does one that starts its file anew on each run.
-#}
{% macro warn_of_empty_files() %}
    {%- if not execute -%}{{ return('') }}{%- endif -%}
    {%- set found = run_query(
        "select file from " ~ this ~ " where format <> 'left out' and records = 0 order by file"
    ).columns[0].values() | list -%}
    {%- if found -%}
        {%- do exceptions.warn(
            "a heading and no record: " ~ found[:10] | join(', ')
            ~ (" and " ~ (found | length - 10) ~ " more" if found | length > 10 else "")
        ) -%}
    {%- endif -%}
{% endmacro %}
