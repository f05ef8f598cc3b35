"""Fits of customer-base models: pure functions of arrays, without dbt or Dagster."""
