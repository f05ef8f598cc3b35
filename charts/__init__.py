"""Boards as code: YAML with SQL over the published file, rendered by dbt-charts."""
