"""Guards: what must hold of the raw files, beside every test, before readers get what came of them.

Tests judge the rows that are there. They all pass when a feed has died, when half of a folder is
gone, and when a file comes without a column that it may lack. Guards compare meta.source_files of
the private warehouse with the clock, and with the same table of the published build. Their
thresholds are config.meta of the raw tables in models/staging/_sources.yml.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from orchestration.guarding.thresholds import Limits
from orchestration.telling.failures import Failure

_SHOWN_NAMES = 3
_SOURCES = "models/staging/_sources.yml"
_ADVICE = {
    "freshness": f"Deliver what is missing, or change freshness in {_SOURCES}.",
    "volume": (
        "If that is right, say why, once: make build VOLUME_DROP_REASON='...'"
        " (or volume_drop_reason in the run's config)."
    ),
    "schema_drift": (
        f"Deliver the files again, or set schema_drift: warn for the table in {_SOURCES}."
    ),
}

# A row of meta.source_files.
File = Mapping[str, Any]
# Severity, message and metadata of a Result.
Finding = tuple[str | None, str, Mapping[str, Any]]


@dataclass(frozen=True)
class Result:
    """What a guard says of a raw table. severity: error blocks publishing; None: all is well."""

    guard: str
    table: str
    severity: str | None
    message: str
    metadata: Mapping[str, Any]

    @property
    def passed(self) -> bool:
        """Whether all is well."""
        return self.severity is None


def evaluate(
    limits: Mapping[str, Mapping[str, Limits]], warehouse: Path, served: Path, now: datetime
) -> list[Result]:
    """Return what each guard says of each raw table in `limits`, passed or not.

    `warehouse` and `served`, the published build, are DuckDB files with meta.source_files; without
    a `served` file there is nothing to compare with. `now` is aware of its timezone.
    """
    files = _files(warehouse)
    published = _files(served) if served.exists() else []
    results = []
    for table, limits_of in limits.items():
        own = [file for file in files if file["table_name"] == table]
        before = [file for file in published if file["table_name"] == table]
        findings = {
            "freshness": _freshness(limits_of["freshness"], own, now),
            "volume": _volume(limits_of["volume"], own, before),
            "schema_drift": _schema_drift(limits_of["schema_drift"], own, before),
        }
        for guard, (severity, message, metadata) in findings.items():
            off = "" if limits_of[guard] else " (this guard is off)"
            results.append(Result(guard, table, severity, f"{table}: {message}{off}", metadata))
    return results


def volume_drops(results: Sequence[Result]) -> list[Result]:
    """Return those results that block publishing because a table shrank."""
    return [result for result in results if result.guard == "volume" and result.severity == "error"]


def accept_drops(results: Sequence[Result], reason: str) -> list[Result]:
    """Return the results with every volume drop that blocks turned into a warning with `reason`."""
    drops = volume_drops(results)
    return [
        replace(result, severity="warn", message=f"{result.message}; accepted: {reason}")
        if result in drops
        else result
        for result in results
    ]


def blocking_failures(results: Sequence[Result]) -> list[Failure]:
    """Return what blocks publishing: a failure per guard, a line per table and what to do."""
    blocking = [result for result in results if result.severity == "error"]
    return [
        Failure(
            "guard",
            guard.replace("_", " "),
            "\n".join([*(result.message for result in blocking if result.guard == guard), advice]),
        )
        for guard, advice in _ADVICE.items()
        if any(result.guard == guard for result in blocking)
    ]


def _freshness(limits: Limits, files: Sequence[File], now: datetime) -> Finding:
    events = [file["latest_event_at"] for file in files if file["latest_event_at"]]
    if not events:
        # A table that is watched and shows no event is not fresh.
        return _severity(limits, lambda limit: True), "no event before this build", {}
    age = now - max(events).replace(tzinfo=UTC)
    severity = _severity(limits, lambda limit: age > limit)
    message = f"latest event {max(events):%Y-%m-%d %H:%M} UTC, {_words(age)} ago"
    if severity:
        message += f", more than {_words(limits[severity])}"
    metadata = {
        "latest_event_at": max(events).isoformat(),
        "age_hours": age / timedelta(hours=1),
    }
    return severity, message, metadata


def _volume(limits: Limits, files: Sequence[File], published: Sequence[File]) -> Finding:
    # Raw files are immutable and are added over time, so a table that lost rows lost files.
    rows, before = (sum(file["rows_read"] for file in either) for either in (files, published))
    share = rows / before if before else 1.0
    severity = _severity(limits, lambda least: share < least)
    message = f"{rows:,} rows read, {before:,} in the published build"
    return severity, message, {"rows": rows, "published_rows": before, "share": share}


def _schema_drift(limits: Limits, files: Sequence[File], published: Sequence[File]) -> Finding:
    # A build published before source_files had the column does not say what its files had.
    headings = [set(json.loads(file["columns"])) for file in published if "columns" in file]
    if not headings:
        return None, "no published heading to compare with", {}
    always, ever = set.intersection(*headings), set.union(*headings)
    known = {file["file"] for file in published}
    drifts: dict[str, list[str]] = {}
    for file in files:
        columns = set(json.loads(file["columns"]))
        if file["file"] not in known and (drift := _drift(always - columns, columns - ever)):
            drifts.setdefault(drift, []).append(file["file"])
    drifted = sum(len(names) for names in drifts.values())
    named = [f"{_some(names)} ({drift})" for drift, names in drifts.items()]
    message = f"other columns than the published files: {_some(named) or 'none'}"
    severity = _severity(limits, lambda most: drifted > most)
    return severity, message, {"files_with_other_columns": drifted}


def _severity(limits: Limits, is_past: Callable[[Any], bool]) -> str | None:
    return next(
        (name for name in ("error", "warn") if name in limits and is_past(limits[name])), None
    )


def _files(file: Path) -> list[File]:
    with duckdb.connect(str(file), read_only=True) as connection:
        relation = connection.sql("select * from meta.source_files order by table_name, file")
        return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def _drift(missing: set[str], added: set[str]) -> str:
    parts = [("without", missing), ("with new", added)]
    return "; ".join(f"{word} {', '.join(sorted(columns))}" for word, columns in parts if columns)


def _some(names: Sequence[str]) -> str:
    hidden = len(names) - _SHOWN_NAMES
    return ", ".join(names[:_SHOWN_NAMES]) + (f" and {hidden} more" if hidden > 0 else "")


def _words(age: timedelta) -> str:
    minutes = age // timedelta(minutes=1)
    counts = {"day": minutes // 1440, "hour": minutes // 60 % 24, "minute": minutes % 60}
    words = [f"{count} {name}{'s' if count > 1 else ''}" for name, count in counts.items() if count]
    return " ".join(words) or "0 minutes"
