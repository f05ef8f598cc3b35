"""The Dagster code location: all definitions of orchestration/defs/."""

from dagster import Definitions, definitions, load_from_defs_folder

from orchestration.paths import ROOT


@definitions
def defs() -> Definitions:
    """Return all definitions of the project."""
    return load_from_defs_folder(path_within_project=ROOT)
