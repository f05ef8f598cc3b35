"""The last asset: the marts, published for readers."""

import logging
from collections.abc import Iterator
from functools import partial

import dagster as dg

from orchestration import paths
from orchestration.defs.resources import BuildResource
from orchestration.defs.transform import MANIFEST, PROJECT, TRANSLATOR
from orchestration.serving.history import Build
from orchestration.serving.publish import publish
from orchestration.settings.engine import is_on_catalog
from orchestration.spark.lakehouse import keep_published, serve_published, stopped_change
from orchestration.warehouse.manifest import marts

_logger = logging.getLogger(__name__)

MARTS = [
    TRANSLATOR.get_asset_spec(MANIFEST, node["unique_id"], PROJECT).key for node in marts(MANIFEST)
]


@dg.asset(deps=MARTS, group_name="publish", kinds={"duckdb", "parquet"})
def published_warehouse(build: BuildResource) -> Iterator[dg.AssetObservation | dg.Output]:
    """Copy all marts into the file that readers open, after all tests and guards have passed.

    Raises dagster.Failure unless tests and guards have passed in the same run.
    """
    if not build.is_guarded:
        raise dg.Failure(
            "Only a warehouse that was built, tested and guarded in the same run is published:"
            " launch the job nightly."
        )
    published = publish(
        Build(
            build_id=build.build_id,
            started_at=build.started_at,
            git_sha=build.settings.git_sha,
            versions=build.settings.versions,
            variables=build.settings.variables,
            volume_drop_reason=build.accepted_drop,
            restatement_reason=build.accepted_restatement,
            code_hashes=build.settings.code_hashes,
            seed_hashes=build.settings.seed_hashes,
        ),
        MANIFEST,
        warehouse=paths.warehouse(),
        serve=paths.serve(),
        scratch=paths.scratch(),
        ledger=paths.restatements(),
        keep_too=partial(keep_published, build.build_id, MANIFEST) if is_on_catalog() else None,
    )
    if is_on_catalog():
        serve_published(paths.serve())
    elif stopped := stopped_change(paths.serve()):
        _logger.warning("warning: %s: this build has no tables there", stopped)
    version = {
        "build_id": build.build_id,
        "as_of": published.as_of.isoformat(),
        "served_file": dg.PathMetadataValue(published.file),
    }
    # The page of each mart shows the published version and its number of rows.
    for key in MARTS:
        rows = published.rows[".".join(key.path)]
        yield dg.AssetObservation(key, metadata={"dagster/row_count": rows, **version})
    tables = [
        dg.TableRecord({"table": table, "rows": rows}) for table, rows in published.rows.items()
    ]
    yield dg.Output(
        None,
        metadata={
            **version,
            "tables": dg.TableMetadataValue(
                tables,
                dg.TableSchema([dg.TableColumn("table"), dg.TableColumn("rows", "int")]),
            ),
        },
    )
