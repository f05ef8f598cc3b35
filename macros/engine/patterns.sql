{#-
    Regular expressions of the kind that both engines read alike: no \s (one engine has one sign more in it), no \w, no $ and
    no ^ (one engine lets a line end pass). A quote sign in them is \x27.
-#}

{#- Whether a text holds something of the pattern. -#}
{% macro matches(text, pattern) %}
    {{ return(adapter.dispatch('matches', 'tenure')(text, pattern)) }}
{% endmacro %}

{% macro duckdb__matches(text, pattern) -%}
    regexp_matches({{ text }}, '{{ pattern }}')
{%- endmacro %}

{% macro spark__matches(text, pattern) -%}
    regexp_like({{ text }}, r'{{ pattern }}')
{%- endmacro %}


{#- Whether a text is of the pattern from its first sign to its last. -#}
{% macro is_of_form(text, pattern) %}
    {{ return(adapter.dispatch('is_of_form', 'tenure')(text, pattern)) }}
{% endmacro %}

{% macro duckdb__is_of_form(text, pattern) -%}
    regexp_full_match({{ text }}, '{{ pattern }}')
{%- endmacro %}

{% macro spark__is_of_form(text, pattern) -%}
    regexp_like({{ text }}, r'\A(?:{{ pattern }})\z')
{%- endmacro %}


{#- A text as an SQL literal. In those of Spark a backslash opens an escape. -#}
{% macro sql_text(text) %}
    {{ return(adapter.dispatch('sql_text', 'tenure')(text)) }}
{% endmacro %}

{% macro duckdb__sql_text(text) %}
    {{ return("'" ~ text | replace("'", "''") ~ "'") }}
{% endmacro %}

{% macro spark__sql_text(text) %}
    {{ return("'" ~ text | replace("\\", "\\\\") | replace("'", "\\'") ~ "'") }}
{% endmacro %}
