"""The fits and scores of the floor: the Python models of the night, on the floor's own tables.

SQL cannot do the fits, and an expert would do them in the same way. So night and floor both pay
for them.
"""

import runpy
from pathlib import Path
from types import SimpleNamespace

import duckdb

from orchestration.settings.variables import project_defaults

MODELS = Path(__file__).parents[2] / "models" / "intermediate" / "value"


def fit_and_score(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of the Python models, with the same names, as temporary tables."""
    config = SimpleNamespace(meta_get=project_defaults().get)
    dbt = SimpleNamespace(ref=connection.table, config=config)
    for name in ("int_clv_models_fitted", "int_histories_scored", "int_renewals_scored"):
        model = runpy.run_path(str(MODELS / f"{name}.py"))["model"]
        connection.register("made", model(dbt, connection))
        connection.execute(f"create temp table {name} as from made")
