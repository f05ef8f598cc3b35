"""Guards: checks of the raw files, after all tests and before publishing.

Tests judge the rows that are there. All tests pass when a feed has died, when half of a folder is
gone, or when a file lacks an optional column. Guards see that. They compare meta.source_files of
the private warehouse with the clock, and with the same table of the published build. Other guards
look at records that staging had to choose between without proof. Their thresholds are in
models/staging/_sources.yml, in config.meta of each raw table.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from orchestration.guarding.contested import (
    CONTESTED,
    LOOKALIKES,
    conflicts,
    lookalike_ids,
    undated_versions,
)
from orchestration.guarding.findings import Finding, Row, rows, severity_of
from orchestration.guarding.plausible import BUYERS, amounts_in_cents, matched_customers
from orchestration.guarding.thresholds import Limits
from orchestration.settings.durations import format_duration
from orchestration.settings.engine import build_command
from orchestration.telling.failures import Failure
from orchestration.words import first_few_names

_SHOWN_NAMES = 3
_SOURCES = "models/staging/_sources.yml"
_ADVICE = {
    "freshness": f"Deliver what is missing, or change freshness in {_SOURCES}.",
    "volume": (
        "If that is right, say why, once: {build} VOLUME_DROP_REASON='...'"
        " (or volume_drop_reason in the run's config)."
    ),
    "schema_drift": (
        f"Deliver the files again, or set schema_drift: warn for the table in {_SOURCES}."
    ),
    "conflicts": (
        "Deliver updated_at, or a day such as 2025-01-31 in the names of the files; or set"
        f" conflicts: warn for the table in {_SOURCES}."
    ),
    "undated_versions": (
        f"Deliver updated_at in every file, or set undated_versions: warn in {_SOURCES}."
    ),
    "lookalike_ids": (
        "Write the ids as text, without .0, and nothing for a guest; or set lookalike_ids: warn in"
        f" {_SOURCES}."
    ),
    "matched_customers": (
        "Deliver customers with the ids that the orders have, or change matched_customers in"
        f" {_SOURCES}."
    ),
    "amounts_in_cents": (
        "Deliver amounts in whole units (minor_units: true in _mapping.yml does it), or set"
        f" amounts_in_cents: warn in {_SOURCES}."
    ),
}

_FILES = "select * from meta.source_files order by table_name, file"


@dataclass(frozen=True)
class Result:
    """The answer of one guard for one raw table.

    `severity` is error (blocks publishing), warn, or None (all is well). `metadata` has the numbers
    behind the message, for Dagster.
    """

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
    limits: Mapping[str, Mapping[str, Limits]],
    warehouse: Path,
    served: Path | None,
    now: datetime,
) -> list[Result]:
    """Return a result for each raw table in `limits` and each guard, passed or not.

    `limits` is by table and guard. `warehouse` and `served` (the published build) are DuckDB files
    with meta.source_files, and `warehouse` has staging too. Before the first build `served` is None
    or not there, and nothing can have shrunk or drifted. `now` has a timezone. Raises duckdb.Error
    if a file cannot be read.
    """
    files = rows(warehouse, _FILES)
    contested = rows(warehouse, CONTESTED)
    lookalikes = rows(warehouse, LOOKALIKES)
    buyers = rows(warehouse, BUYERS)
    published = rows(served, _FILES) if served and served.exists() else []
    results = []
    for table, limits_of in limits.items():
        own, before, rivals, ids, known = (
            [row for row in found if row["table_name"] == table]
            for found in (files, published, contested, lookalikes, buyers)
        )
        findings = {
            "freshness": _freshness(limits_of["freshness"], own, now),
            "volume": _volume(limits_of["volume"], own, before),
            "schema_drift": _schema_drift(limits_of["schema_drift"], own, before),
            "conflicts": conflicts(limits_of["conflicts"], rivals),
            "undated_versions": undated_versions(limits_of["undated_versions"], rivals),
            "lookalike_ids": lookalike_ids(limits_of["lookalike_ids"], ids),
            "matched_customers": matched_customers(limits_of["matched_customers"], known),
            "amounts_in_cents": amounts_in_cents(limits_of["amounts_in_cents"], own, before),
        }
        for guard, (severity, message, metadata) in findings.items():
            off = "" if limits_of[guard] else " (this guard is off)"
            results.append(Result(guard, table, severity, f"{table}: {message}{off}", metadata))
    return results


def volume_drops(results: Sequence[Result]) -> list[Result]:
    """Return the results that block publishing because a table shrank."""
    return [result for result in results if result.guard == "volume" and result.severity == "error"]


def accept_drops(results: Sequence[Result], reason: str) -> list[Result]:
    """Return the results, with each blocking volume drop turned into a warning with `reason`."""
    drops = volume_drops(results)
    return [
        replace(result, severity="warn", message=f"{result.message}; accepted: {reason}")
        if result in drops
        else result
        for result in results
    ]


def blocking_failures(results: Sequence[Result]) -> list[Failure]:
    """Return a failure for each guard that blocks: a line for each table, and what to do."""
    blocking = [result for result in results if result.severity == "error"]
    advice = {guard: told.format(build=build_command()) for guard, told in _ADVICE.items()}
    return [
        Failure(
            "guard",
            guard.replace("_", " "),
            "\n".join([*(result.message for result in blocking if result.guard == guard), told]),
        )
        for guard, told in advice.items()
        if any(result.guard == guard for result in blocking)
    ]


def _freshness(limits: Limits, files: Sequence[Row], now: datetime) -> Finding:
    events = [file["latest_event_at"] for file in files if file["latest_event_at"]]
    if not events:
        # A watched table without any event is not fresh, whatever the limit.
        return severity_of(limits, lambda limit: True), "no event before this build", {}
    age = now - max(events).replace(tzinfo=UTC)
    severity = severity_of(limits, lambda limit: age > limit)
    message = f"latest event {max(events):%Y-%m-%d %H:%M} UTC, {_in_words(age)} ago"
    if severity:
        message += f", more than {_in_words(limits[severity])}"
    metadata = {
        "latest_event_at": max(events).isoformat(),
        "age_hours": age / timedelta(hours=1),
    }
    return severity, message, metadata


def _volume(limits: Limits, files: Sequence[Row], published: Sequence[Row]) -> Finding:
    # Raw files are only ever added, and never changed. So a table with fewer rows has lost files.
    now, before = (sum(file["rows_read"] for file in either) for either in (files, published))
    share = now / before if before else 1.0
    severity = severity_of(limits, lambda least: share < least)
    message = f"{now:,} rows read, {before:,} in the published build"
    return severity, message, {"rows": now, "published_rows": before, "share": share}


def _schema_drift(limits: Limits, files: Sequence[Row], published: Sequence[Row]) -> Finding:
    # Builds of older releases have no column `columns`, so there is nothing to compare with.
    headings: dict[tuple[str, str], list[set[str]]] = {}
    for file in published:
        if "columns" in file:
            headings.setdefault(_kind(file), []).append(set(json.loads(file["columns"])))
    if not headings:
        return None, "no published heading to compare with", {}
    # A table of a catalog keeps its name when it changes.
    known = {(file["file"], file.get("sha256")) for file in published}
    drifts: dict[str, list[str]] = {}
    for file in files:
        columns = set(json.loads(file["columns"]))
        of_its_kind = headings.get(_kind(file))
        if (file["file"], file.get("sha256")) in known or not of_its_kind:
            continue
        missing, added = (
            set.intersection(*of_its_kind) - columns,
            columns - set.union(*of_its_kind),
        )
        if drift := _drift(missing, added):
            drifts.setdefault(drift, []).append(file["file"])
    drifted = sum(len(names) for names in drifts.values())
    named = [f"{first_few_names(names, _SHOWN_NAMES)} ({drift})" for drift, names in drifts.items()]
    shown = first_few_names(named, _SHOWN_NAMES) or "none"
    message = f"other columns than the published files: {shown}"
    severity = severity_of(limits, lambda most: drifted > most)
    return severity, message, {"files_with_other_columns": drifted}


def _kind(file: Row) -> tuple[str, str]:
    # Builds of older releases have files of the raw contract only.
    return file.get("system", "raw"), file.get("entity", file["table_name"])


def _drift(missing: set[str], added: set[str]) -> str:
    parts = [("without", missing), ("with new", added)]
    return "; ".join(f"{word} {', '.join(sorted(columns))}" for word, columns in parts if columns)


def _in_words(age: timedelta) -> str:
    return format_duration(age, is_spelled_out=True)
