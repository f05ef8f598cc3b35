"""Alerts: a message when a night fails, and one when it is over.

They go as Slack's JSON, which others such as Mattermost read too, to the address in the environment
variable TENURE_ALERT_WEBHOOK. What failed is an incident, named by its kind and by what failed; it
is told once, however many nights it lasts, and ends with the next build that is published. A
message that cannot be sent is kept and tried again when there is something to say or to check; an
alert never makes a build fail.
"""

import functools
import json
import logging
import os
import re
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from orchestration import paths
from orchestration.runs.lock import wait_for_lock
from orchestration.serving.versions import current_build
from orchestration.settings.durations import written
from orchestration.telling.console import again, failure_report, outcome
from orchestration.telling.failures import SHOWN_FAILURES, Failure

WEBHOOK = "TENURE_ALERT_WEBHOOK"
SECONDS = 10
_TIMED_OUT = f"no answer within {SECONDS} seconds"

# Of incidents that nobody could be told of, as many of the latest are told later.
_KEPT_UNSENT = 5
_WORD = re.compile(r"[^\s'\"<>]+")

_logger = logging.getLogger(__name__)


@dataclass
class _Incident:
    kind: str
    names: list[str]
    since: str
    unsent: str | None


@dataclass
class _State:
    """The incidents that are not over, oldest first, and what was not sent of those that are."""

    incidents: list[_Incident] = field(default_factory=list)
    recovered: str | None = None


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
    """Tell that a build with `variables` ended with `failures`, of which `log` says more."""
    told = [failure._replace(message=_without_emails(failure.message)) for failure in failures]
    lines = failure_report(told, log, current_build(paths.serve()), variables)
    names = sorted(f"{failure.kind} {failure.name}" for failure in failures)
    _open(outcome(failures), names, lines)


@_never_raising
def unpublished(problem: str, message: str) -> None:
    """Tell that readers have no version that is young enough: `problem` in a word or two."""
    next_step = f"Next: see in {paths.logs()} whether builds run and end, then {again({})}"
    _open("unpublished", [problem], [message, next_step])


@_never_raising
def published(build_id: str, finished_at: datetime) -> None:
    """Tell that the incidents of before `finished_at` are over, since `build_id` was published."""

    def close(state: _State) -> None:
        over = [incident for incident in state.incidents if _since(incident) <= finished_at]
        if over:
            lasted = written(finished_at - min(map(_since, over)))
            lines = [
                f"Recovered after {lasted}, {build_id} is published. It was:",
                *(f"  {_summary(incident)}" for incident in over[-SHOWN_FAILURES:]),
            ]
            state.incidents = [incident for incident in state.incidents if incident not in over]
            state.recovered = _message(lines)

    _update(close)


def _open(kind: str, names: list[str], lines: Sequence[str]) -> None:
    def add(state: _State) -> None:
        message = _message(lines)
        for incident in state.incidents:
            if (incident.kind, incident.names) == (kind, names):
                # Nobody was told so far: tell what is so tonight.
                incident.unsent = incident.unsent and message
                return
        now = datetime.now(UTC).isoformat(timespec="seconds")
        state.incidents.append(_Incident(kind, names, now, message))
        for incident in state.incidents[:-_KEPT_UNSENT]:
            incident.unsent = None

    _update(add)


def _message(lines: Sequence[str]) -> str:
    now = datetime.now(UTC)
    return "\n".join([f"Tenure on {socket.gethostname()}:{paths.ROOT}, {now:%F %R} UTC", *lines])


def _without_emails(message: str) -> str:
    # dbt quotes values in its errors.
    return _WORD.sub(lambda word: "(hidden)" if "@" in word[0] else word[0], message)


def _summary(incident: _Incident) -> str:
    names = ", ".join(incident.names[:SHOWN_FAILURES])
    more = len(incident.names) - SHOWN_FAILURES
    return f"{incident.kind}: {names}" + (f" and {more} more" if more > 0 else "")


def _since(incident: _Incident) -> datetime:
    return datetime.fromisoformat(incident.since)


def _update(change: Callable[[_State], None]) -> None:
    """Change the state and send what is unsent."""
    folder = paths.home() / "alerts"
    with ExitStack() as stack:
        # A full disk is something to tell, not a reason to be silent.
        with suppress(OSError):
            stack.enter_context(wait_for_lock(folder / "lock"))
        file = folder / "incidents.json"
        state = _read(file)
        change(state)
        _write(file, state)
        _send_unsent(state)
        _write(file, state)


def _read(file: Path) -> _State:
    """Return the state in `file`; an empty one if there is none or somebody damaged it."""
    try:
        state = json.loads(file.read_text(encoding="utf-8"))
        return _State([_incident(**each) for each in state["incidents"]], _text(state["recovered"]))
    except (OSError, ValueError, TypeError, KeyError):
        return _State()


def _incident(kind: str, names: list[str], since: str, unsent: str | None) -> _Incident:
    moment = datetime.fromisoformat(since).astimezone(UTC).isoformat(timespec="seconds")
    return _Incident(str(kind), [str(name) for name in names], moment, _text(unsent))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _write(file: Path, state: _State) -> None:
    partial = file.with_name(f".{file.name}.partial")
    try:
        partial.write_text(json.dumps(asdict(state), indent=2), encoding="utf-8")
        os.replace(partial, file)
    except OSError as error:
        _logger.warning("The state of alerts was not kept: %s", error)


def _send_unsent(state: _State) -> None:
    url = os.environ.get(WEBHOOK, "").strip()
    if not url:
        # That something which nobody heard of is over, is no news later on.
        state.recovered = None
        return
    if state.recovered and _sent(url, state.recovered):
        state.recovered = None
    if state.recovered:
        return
    for incident in state.incidents:
        if incident.unsent and not _sent(url, incident.unsent):
            return
        incident.unsent = None


def _sent(url: str, message: str) -> bool:
    answers: list[str | None] = []
    # A thread, since the timeout of a socket does not bound names that are slow to resolve, nor a
    # server that answers a byte now and then.
    thread = threading.Thread(target=lambda: answers.append(_post(url, message)), daemon=True)
    thread.start()
    thread.join(SECONDS)
    problem = answers[0] if answers else _TIMED_OUT
    if problem:
        _logger.warning("Alert not sent, it will be tried again: %s", problem)
    return not problem


def _post(url: str, message: str) -> str | None:
    """Return None once `message` was taken, else why not; never the URL's path, a secret."""
    # As Slack wants it, lest data be read as a link or as a mention of everyone.
    text = message.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    try:
        address = urlsplit(url)
        if address.scheme not in ("http", "https") or not address.hostname:
            return f"{WEBHOOK} is no http or https address"
        request = urllib.request.Request(
            url,
            data=json.dumps({"text": text}).encode(),
            headers={"Content-Type": "application/json; charset=utf-8"},
        )
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=SECONDS):
            return None
    except urllib.error.HTTPError as error:
        return f"{address.hostname} answered with status {error.code}"
    except Exception as error:
        # Not its message, which may quote the URL.
        reason = getattr(error, "reason", None)
        cause = reason if isinstance(reason, OSError) else error
        if isinstance(cause, TimeoutError):
            return _TIMED_OUT
        return getattr(cause, "strerror", None) or type(cause).__name__


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nowhere: a redirected message loses its text and might end up in a file."""

    def redirect_request(self, *_: object) -> None:
        """Return that there is no request to go on with."""
