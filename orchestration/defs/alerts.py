"""The alert at the end of each run, started by `make build`, by the schedule or by a person.

The resource of the run sends it when it is closed. Dagster's hooks are not used, because Dagster
skips them when a run is interrupted.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from orchestration import paths
from orchestration.defs.step_failures import is_refusal, step_failures
from orchestration.serving.versions import current_build
from orchestration.telling import alerts


def alert_at_end(
    context: dg.InitResourceContext,
    build_id: str,
    variables: Mapping[str, Any],
    restated: str | None,
) -> None:
    """Alert that the run of `context` has published the build `build_id`, or that steps failed.

    `restated` says which closed months moved, if they moved beyond a limit. A step that refused to
    start sends no alert: the person who started it sees the refusal.
    """
    if current_build(paths.serve()) == build_id:
        alerts.published(build_id, datetime.now(UTC), restated)
        return
    records = context.instance.all_logs(
        context.run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE
    )
    for record in records:
        if not is_refusal(record.dagster_event):
            alerts.failed(*step_failures(record.dagster_event), variables)
