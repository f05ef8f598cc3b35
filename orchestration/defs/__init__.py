"""Dagster's definitions; `load_from_defs_folder` finds what stands in this folder."""
