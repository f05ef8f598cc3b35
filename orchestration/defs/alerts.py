"""The alert at the end of each run, started by `make build`, by the schedule or by a person.

The resource of the run sends it when it is closed. Dagster's hooks are not used, because Dagster
skips them when a run is interrupted.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from orchestration import paths
from orchestration.defs.step_failures import all_step_failures, is_refusal, step_failures
from orchestration.serving.versions import current_build
from orchestration.telling import alerts


def alert_at_end(
    context: dg.InitResourceContext,
    build_id: str,
    variables: Mapping[str, Any],
    restated: str | None,
) -> None:
    """Alert that the run of `context` has published the build `build_id`, or that steps failed.

    If both are true, one message says that it is published, and what failed after it. `restated`
    says which closed months moved, if they moved beyond a limit. A step that refused to start sends
    no alert: the person who started it sees the refusal.
    """
    records = context.instance.all_logs(
        context.run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE
    )
    events = [record.dagster_event for record in records if not is_refusal(record.dagster_event)]
    if current_build(paths.serve()) != build_id:
        for event in events:
            alerts.failed(*step_failures(event), variables)
    elif events:
        alerts.unfinished(build_id, *all_step_failures(events), variables, restated)
    else:
        alerts.published(build_id, restated=restated)
