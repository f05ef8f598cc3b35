{#- Raw tables that were made of a landing zone come with the list of its files. -#}
{%- set landed_files = table_of_files('landed_files') if execute -%}
{%- if landed_files -%}
select * from {{ landed_files }}
where format <> 'left out'
{%- else -%}
{{ files_of_raw_tables() }}
{%- endif -%}
