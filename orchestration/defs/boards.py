"""The boards as an asset behind the published warehouse."""

import logging

import dagster as dg

from orchestration import paths
from orchestration.defs.publish import published_warehouse
from orchestration.defs.resources import BuildResource
from orchestration.serving.boards import Boards, boards_wanted, make_boards

_logger = logging.getLogger(__name__)


@dg.asset(deps=[published_warehouse], group_name="publish", kinds={"html"})
def boards(build: BuildResource) -> dg.MaterializeResult:
    """Render the boards of the version that this build has published.

    A board that fails is a warning, for the tables are published already. Raises dagster.Failure if
    nothing was published in the same run.
    """
    if not boards_wanted():
        return dg.MaterializeResult(metadata={"skipped": "TENURE_BOARDS=off"})
    version = paths.serve() / "versions" / build.build_id
    if not version.is_dir():
        raise dg.Failure(
            "Only what the same run has published gets boards: launch the job nightly, or run"
            " `make boards` for the served version."
        )
    try:
        made = make_boards(version)
    except Exception as error:
        # Whatever goes wrong here, readers have the tables. A failed run would say otherwise.
        made = Boards([], [f"{type(error).__name__}: {error}"])
    for fault in made.faults:
        _logger.warning("warning: a board is missing: %s", fault)
    return dg.MaterializeResult(
        metadata={
            "boards": dg.MetadataValue.md("\n".join(f"- {file}" for file in made.files)),
            "faults": dg.MetadataValue.md("\n".join(f"- {fault}" for fault in made.faults)),
        }
    )
