"""Dagster's own folder under TENURE_HOME.

`python -m orchestration.runs.dagster_home` prepares the folder for `make dev`. It also marks the
runs of killed processes as failed.
"""

import json
import os

from orchestration import paths

_CONFIGURATION = """\
# Written by orchestration/runs/dagster_home.py at every start; changes here are lost.
telemetry:
  enabled: false
nux:
  enabled: false
# dbt's output is kept in $TENURE_HOME/logs, one folder per build. Old folders are deleted there.
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
# The page of a run shows the progress lines of its build.
python_logs:
  managed_python_loggers: [orchestration]
  python_log_level: INFO
# After nights without power, one build is enough to catch up.
scheduler:
  module: dagster._core.scheduler
  class: DagsterDaemonScheduler
  config:
    max_catchup_runs: 1
retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days: 7
"""
# In the folder of Dagster's default.
_EVENT_LOG = """\
event_log_storage:
  module: orchestration.runs.event_log
  class: OpenSqliteEventLog
  config:
    base_dir: {folder}
"""


def prepare_dagster_home() -> None:
    """Write dagster.yaml, and set DAGSTER_HOME of this process to its folder."""
    folder = paths.dagster_home()
    folder.mkdir(parents=True, exist_ok=True)
    configuration = _CONFIGURATION + _EVENT_LOG.format(
        folder=json.dumps(str(folder / "history/runs"))
    )
    (folder / "dagster.yaml").write_text(configuration, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(folder)


def main() -> None:
    """Prepare the folder for Dagster's own processes, and end dead runs."""
    prepare_dagster_home()

    import dagster as dg

    from orchestration.runs.history import end_dead_runs

    with dg.DagsterInstance.get() as instance:
        end_dead_runs(instance, paths.live_runs())


if __name__ == "__main__":
    main()
