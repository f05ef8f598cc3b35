"""Fits of customer-base models: pure functions of arrays, without dbt or Dagster.

beta_geometric_nbd      how often customers without a contract buy
gamma_gamma             what their purchases are worth
shifted_beta_geometric  how long customers with a contract renew it
beta_expectation        the integral that the expectations need
fit                     the optimiser that all fits use, and what it returns
units                   days in a week and in a month

Each module opens with a worked example. Arrays have shape (rows,), if a docstring gives no other.
"""
