"""The last asset: the marts, published for readers."""

import dagster as dg

from orchestration import paths
from orchestration.defs.resources import BuildResource
from orchestration.defs.transform import MANIFEST, PROJECT, TRANSLATOR, failure_of
from orchestration.failures import Failure
from orchestration.manifest import marts
from orchestration.provenance import git_sha, software_versions
from orchestration.publish import FILE_NAME, Build, publish
from orchestration.variables import project_defaults
from orchestration.volume import volume_drops

_VOLUME_ADVICE = (
    "If that is right, say why, once: make build VOLUME_DROP_REASON='...'"
    " (or volume_drop_reason in the run's config)."
)
MARTS = [
    TRANSLATOR.get_asset_spec(MANIFEST, node["unique_id"], PROJECT).key for node in marts(MANIFEST)
]


@dg.asset(deps=MARTS, group_name="publish", kinds={"duckdb", "parquet"})
def published_warehouse(build: BuildResource) -> dg.MaterializeResult:
    """Copy all marts, once every test has passed, into the file that readers open."""
    if not build.is_tested:
        raise dg.Failure(
            "Only a warehouse that was built and tested in the same run is published:"
            " launch the job nightly."
        )
    drops = volume_drops(paths.warehouse(), paths.serve() / "current" / FILE_NAME)
    if drops and not build.volume_drop_reason:
        message = "\n".join([*drops, _VOLUME_ADVICE])
        raise failure_of(
            [Failure("guard", "volume", message)], paths.logs() / build.build_id / "dbt.log"
        )
    published = publish(
        Build(
            build_id=build.build_id,
            started_at=build.started_at,
            git_sha=git_sha(),
            versions=software_versions(),
            variables=project_defaults() | build.variables,
            volume_drop_reason=build.volume_drop_reason if drops else None,
        ),
        MANIFEST,
        warehouse=paths.warehouse(),
        serve=paths.serve(),
        scratch=paths.scratch(),
    )
    return dg.MaterializeResult(
        metadata={
            "build_id": build.build_id,
            "as_of": published.as_of.isoformat(),
            "path": dg.PathMetadataValue(published.file),
            "rows": dg.JsonMetadataValue(dict(published.rows)),
        }
    )
