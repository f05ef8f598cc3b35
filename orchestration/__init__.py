"""Dagster around dbt: one job that builds the warehouse privately, tests it, and publishes it."""
