"""Alerts: one message when builds begin to fail, and one when a build is published again.

A build that restates closed months beyond a limit sends one, too. A build that is published, and
then fails at what follows, ends what was and begins an incident of its own.

A failure opens an incident. The kind of failure and the names of the failed things identify it. An
incident is told once, even if it lasts many nights. The next published build ends it. A message
that cannot be sent is kept, and each later alert or check tries again. An alert never makes a build
fail.
"""

import functools
import json
import logging
import os
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration import paths
from orchestration.runs.lock import wait_for_lock
from orchestration.serving.boards import overview
from orchestration.serving.versions import current_build
from orchestration.settings.durations import format_duration
from orchestration.telling.console import (
    blocked_or_failed,
    failure_report,
    rerun_command,
    unfinished_report,
)
from orchestration.telling.failures import SHOWN_FAILURES, Failure
from orchestration.telling.webhook import send, webhook_address
from orchestration.words import first_few_names

# Without a webhook, messages of the latest 5 incidents are kept, for a webhook that is set later.
_KEPT_UNSENT = 5
# A night may have both: the message of a recovery, and that of a restatement.
_KEPT_TEXTS = 2 * _KEPT_UNSENT
_WORD = re.compile(r"[^\s'\"<>]+")

_logger = logging.getLogger(__name__)


@dataclass
class _Incident:
    """A kind (failed, blocked, unfinished, unpublished), the failed things, the start, unsent text.

    Unfinished are builds that are published, but a step after that failed.
    """

    kind: str
    names: list[str]
    since: str
    unsent: str | None


@dataclass
class _State:
    """The open incidents, and the unsent texts of recoveries and restatements, oldest first."""

    incidents: list[_Incident] = field(default_factory=list)
    unsent: list[str] = field(default_factory=list)

    def tell(self, text: str) -> None:
        """Keep a text until it is sent; the oldest ones go if there are too many."""
        self.unsent = [*self.unsent, text][-_KEPT_TEXTS:]


def _never_raising(alert: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(alert)
    def guarded(*arguments: Any, **named: Any) -> None:  # noqa: ANN401
        try:
            alert(*arguments, **named)
        except Exception as error:
            _logger.warning("No alert: %s: %s", type(error).__name__, error)

    return guarded


@_never_raising
def failed(failures: Sequence[Failure], log: Path, variables: Mapping[str, Any]) -> None:
    """Alert that a build with the vars `variables` ended with `failures`; `log` has the details."""
    lines = failure_report(_shown(failures), log, current_build(paths.serve()), variables)
    _update(lambda state: _begin(state, blocked_or_failed(failures), _names(failures), lines))


@_never_raising
def unpublished(problem: str, message: str) -> None:
    """Alert that readers have no version that is young enough.

    `problem` is one or two words that identify the incident, `message` a whole line.
    """
    next_step = f"Next: see in {paths.logs()} whether builds run and end, then {rerun_command({})}"
    _update(lambda state: _begin(state, "unpublished", [problem], [message, next_step]))


@_never_raising
def published(
    build_id: str, finished_at: datetime | None = None, restated: str | None = None
) -> None:
    """End the incidents that began before `finished_at`, the end of the published `build_id`.

    None: it has ended just now. `restated` is a line about closed months that moved beyond a limit.
    It is told, too.
    """
    _update(lambda state: _end(state, build_id, finished_at or datetime.now(UTC), restated))


@_never_raising
def unfinished(
    build_id: str,
    failures: Sequence[Failure],
    log: Path,
    variables: Mapping[str, Any],
    restated: str | None = None,
) -> None:
    """Alert that the build `build_id` was published, and ended with `failures` after that.

    This ends all incidents but the one with the same failures. `log` has the details, `variables`
    are the vars of the build, and `restated` is as in `published`.
    """
    lines = unfinished_report(_shown(failures), log, build_id, variables)
    names = _names(failures)

    def change(state: _State) -> None:
        _end(state, build_id, datetime.now(UTC), restated, lasting=("unfinished", names))
        _begin(state, "unfinished", names, lines)

    _update(change)


def _shown(failures: Sequence[Failure]) -> list[Failure]:
    return [failure._replace(message=_without_emails(failure.message)) for failure in failures]


def _names(failures: Sequence[Failure]) -> list[str]:
    return sorted(f"{failure.kind} {failure.name}" for failure in failures)


def _end(
    state: _State,
    build_id: str,
    finished_at: datetime,
    restated: str | None,
    lasting: tuple[str, list[str]] | None = None,
) -> None:
    """End the incidents that began before `finished_at`, but not the one that is `lasting`."""
    over = [
        incident
        for incident in state.incidents
        if _since(incident) <= finished_at and (incident.kind, incident.names) != lasting
    ]
    if over:
        lasted = format_duration(finished_at - min(map(_since, over)))
        lines = [
            f"Recovered after {lasted}, {build_id} is published. It was:",
            *(f"  {_summary(incident)}" for incident in over[-SHOWN_FAILURES:]),
        ]
        if page := overview(paths.serve() / "current"):
            lines.append(f"Charts: {page}")
        state.incidents = [incident for incident in state.incidents if incident not in over]
        state.tell(_message(lines))
    if restated:
        state.tell(_message([f"{build_id} is published.", restated]))


def _begin(state: _State, kind: str, names: list[str], lines: Sequence[str]) -> None:
    """Begin an incident, unless it lasts already."""
    message = _message(lines)
    for incident in state.incidents:
        if (incident.kind, incident.names) == (kind, names):
            # If its message was never sent, the message of tonight takes its place.
            incident.unsent = incident.unsent and message
            return
    now = datetime.now(UTC).isoformat(timespec="seconds")
    state.incidents.append(_Incident(kind, names, now, message))
    for incident in state.incidents[:-_KEPT_UNSENT]:
        incident.unsent = None


def _message(lines: Sequence[str]) -> str:
    now = datetime.now(UTC)
    return "\n".join([f"Tenure on {socket.gethostname()}:{paths.ROOT}, {now:%F %R} UTC", *lines])


def _without_emails(message: str) -> str:
    # dbt quotes values of the data in its errors.
    return _WORD.sub(lambda word: "(hidden)" if "@" in word[0] else word[0], message)


def _summary(incident: _Incident) -> str:
    return f"{incident.kind}: {first_few_names(incident.names, SHOWN_FAILURES)}"


def _since(incident: _Incident) -> datetime:
    return datetime.fromisoformat(incident.since)


def _update(change: Callable[[_State], None]) -> None:
    """Change the state, keep it on disk, and send all unsent messages."""
    folder = paths.home() / "alerts"
    with ExitStack() as stack:
        # On a full disk there is no lock file, but the alert about it must go out.
        with suppress(OSError):
            stack.enter_context(wait_for_lock(folder / "lock"))
        file = folder / "incidents.json"
        state = _read(file)
        change(state)
        _write(file, state)
        _send_unsent(state)
        _write(file, state)


def _read(file: Path) -> _State:
    """Return the state in `file`; an empty state if the file is missing or damaged."""
    try:
        state = json.loads(file.read_text(encoding="utf-8"))
        return _State(
            [_incident(**each) for each in state["incidents"]],
            # Older releases kept one text of each kind.
            [
                str(text)
                for text in (state["recovered"], state.get("restated"), *state.get("unsent", []))
                if text is not None
            ],
        )
    except (OSError, ValueError, TypeError, KeyError):
        return _State()


def _incident(kind: str, names: list[str], since: str, unsent: str | None) -> _Incident:
    # The clock may have been ahead. No publication would end an incident of the future.
    moment = min(datetime.fromisoformat(since).astimezone(UTC), datetime.now(UTC))
    names = [str(name) for name in names]
    return _Incident(str(kind), names, moment.isoformat(timespec="seconds"), _text(unsent))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _write(file: Path, state: _State) -> None:
    partial = file.with_name(f".{file.name}.partial")
    try:
        # Older releases do not read a state without the text of a recovery.
        kept = {**asdict(state), "recovered": None}
        partial.write_text(json.dumps(kept, indent=2), encoding="utf-8")
        os.replace(partial, file)
    except OSError as error:
        _logger.warning("The state of alerts was not kept: %s", error)


def _send_unsent(state: _State) -> None:
    url = webhook_address()
    if not url:
        # Nobody was told of the incident, so nobody needs the message that it is over.
        state.unsent = []
        return
    while state.unsent:
        if not send(url, state.unsent[0]):
            return
        state.unsent = state.unsent[1:]
    for incident in state.incidents:
        if incident.unsent and not send(url, incident.unsent):
            return
        incident.unsent = None
