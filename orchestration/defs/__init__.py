"""Dagster's definitions. `load_from_defs_folder` finds all of them in this folder."""
