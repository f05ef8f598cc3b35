"""The processes that build: the build lock, Dagster's run history, and safe writes to disk."""
