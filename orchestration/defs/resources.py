"""The resource of all runs, and the executor of all runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from pydantic import Field, PrivateAttr

from orchestration import paths
from orchestration.defs.alerts import alert_at_end
from orchestration.restating.ledger import Settings
from orchestration.runs.history import end_dead_runs, forget_old_runs, stay_alive
from orchestration.runs.lock import build_lock
from orchestration.serving.checked_settings import check_settings
from orchestration.serving.publish import build_id
from orchestration.settings.durations import read_duration
from orchestration.settings.variables import validate


class BuildResource(dg.ConfigurableResource):
    """One build. It holds the build lock from the start to the end of its run."""

    variables: dict[str, Any] = Field(
        default={}, description="The dbt vars of this run that differ from dbt_project.yml."
    )

    volume_drop_reason: str = Field(
        default="",
        description="Publish although a raw table has far fewer rows than before; says why.",
    )

    restatement_reason: str = Field(
        default="",
        description="Publish although closed periods moved beyond their limit; says why.",
    )

    wait: str = Field(
        default="0s",
        description="How long to wait for another build to end before giving up, such as 2h.",
    )

    _build_id: str = PrivateAttr()
    _started_at: datetime = PrivateAttr()
    _settings: Settings | None = PrivateAttr(default=None)
    _is_guarded: bool = PrivateAttr(default=False)
    _accepted_drop: str | None = PrivateAttr(default=None)
    _accepted_restatement: str | None = PrivateAttr(default=None)
    _restated: str | None = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["BuildResource"]:
        """Validate the settings, hold the lock during the run, and send the alert at its end.

        Raises RefusedVariablesError or ValueError for a setting that is not allowed, and
        BuildRunningError if another build is running.
        """
        check_settings(self.wait, "wait")
        validate(self.variables)
        stay_alive(paths.live_runs(), context.run.run_id)
        with build_lock(paths.lock_file(), read_duration(self.wait)):
            end_dead_runs(context.instance, paths.live_runs())
            forget_old_runs(context.instance)
            self._started_at = datetime.now(UTC)
            self._build_id = build_id(self._started_at, context.run.run_id)
            yield self
            alert_at_end(context, self._build_id, self.variables, self._restated)

    @property
    def build_id(self) -> str:
        """The id of the build, and of the version that it publishes."""
        return self._build_id

    @property
    def started_at(self) -> datetime:
        """The start of the run, in UTC."""
        return self._started_at

    @property
    def is_tested(self) -> bool:
        """Whether the whole warehouse was built in this run, and all its tests passed."""
        return self._settings is not None

    @property
    def settings(self) -> Settings:
        """What the warehouse of this run was built with. Raises ValueError unless it is tested."""
        if self._settings is None:
            raise ValueError("nothing was built and tested in this run")
        return self._settings

    def mark_tested(self, settings: Settings) -> None:
        """Note that the whole warehouse was built with `settings`, and all its tests passed.

        The steps that follow take the settings from here. The files may be others by then.
        """
        self._settings = settings

    @property
    def is_guarded(self) -> bool:
        """Whether the guards ran after the tests in this run, and none blocks publishing."""
        return self._is_guarded

    @property
    def accepted_drop(self) -> str | None:
        """The volume_drop_reason, if it has accepted a drop in this run; else None."""
        return self._accepted_drop

    @property
    def accepted_restatement(self) -> str | None:
        """The restatement_reason, if it has let a restatement through in this run; else None."""
        return self._accepted_restatement

    def mark_guarded(
        self, accepted_drop: str | None, accepted_restatement: str | None, restated: str | None
    ) -> None:
        """Note that no guard blocks publishing, and the reasons for what was accepted, if any.

        `restated` is the line about closed months that moved beyond a limit, if any did.
        """
        self._is_guarded = True
        self._accepted_drop = accepted_drop
        self._accepted_restatement = accepted_restatement
        self._restated = restated


@dg.definitions
def resources() -> dg.Definitions:
    """Return the resources and the executor.

    All runs are in-process, even for assets that a person materializes in the UI. So a run is one
    process, and that process holds the lock from the first step to the last.
    """
    return dg.Definitions(resources={"build": BuildResource()}, executor=dg.in_process_executor)
