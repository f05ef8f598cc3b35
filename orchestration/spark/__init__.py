"""Spark in place of DuckDB: its session, its raw tables, and the way of its tables to readers."""
