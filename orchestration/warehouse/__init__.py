"""The private warehouse: run dbt, follow its progress, and answer questions about its project."""
