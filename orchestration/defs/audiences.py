"""The private lists as an asset behind the published warehouse."""

import traceback

import dagster as dg

from orchestration import paths
from orchestration.defs.publish import published_warehouse
from orchestration.defs.resources import BuildResource
from orchestration.defs.step_failures import failure_of
from orchestration.serving.audiences import audience_columns, write_private_audiences
from orchestration.telling.failures import Failure, keep_traceback


# Before the boards, which may take minutes: until then the lists are those of an earlier build.
@dg.asset(
    deps=[published_warehouse],
    group_name="publish",
    kinds={"csv"},
    op_tags={"dagster/priority": "1"},
)
def private_audiences(build: BuildResource) -> None:
    """Write the lists of the running plays with the columns of TENURE_AUDIENCE_COLUMNS.

    Without that variable, only remove the lists of earlier builds. Raises dagster.Failure if that
    fails, or if nothing was published in the same run. The boards do not wait for this step.
    """
    if not (paths.serve() / "versions" / build.build_id).is_dir():
        raise dg.Failure(
            "Lists are only written of what the same run has published: launch the job nightly."
        )
    folder = paths.private_audiences()
    try:
        write_private_audiences(paths.warehouse(), folder, audience_columns(), paths.scratch())
    except Exception as error:
        message = f"{error}\nImport no list of {folder}: it may be missing, or of an earlier build."
        log = keep_traceback(traceback.format_exc())
        raise failure_of([Failure("step", "private_audiences", message)], log) from None
