"""The thresholds of guards, read from config.meta of the raw tables and checked.

    freshness: {warn_after: {count: 36, period: hour}, error_after: {count: 7, period: day}}
    volume: {warn_below: 0.9, error_below: 0.5}
    schema_drift: warn
    conflicts: warn
    undated_versions: warn
    lookalike_ids: warn
    matched_customers: {warn_below: 0.5}
    amounts_in_cents: warn

A value past an error threshold blocks publishing. freshness looks like dbt's own config of that
name. It is in meta all the same, because dbt drops a misspelt freshness without a message.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from orchestration.settings.rules import Rule, is_number, is_whole_number, refusal
from orchestration.warehouse.manifest import Manifest, Node

# The bound of a guard by severity (error, warn). An empty mapping: the guard is off.
Limits = Mapping[str, Any]

_PERIODS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}


class RefusedThresholdsError(ValueError):
    """A setting of a guard is unknown or forbidden. The message has a line for each of them."""


def thresholds(manifest: Manifest) -> dict[str, dict[str, Limits]]:
    """Return the limits of each guard by raw table, in the order of the tables' names.

    A limit is a timedelta for freshness, a share for volume and matched_customers, and else a
    number of files, records or ids. Raises RefusedThresholdsError, with a line for each setting
    that is not allowed.
    """
    nodes = sorted(
        (node for node in manifest["sources"].values() if node["source_name"] == "raw"),
        key=lambda node: node["name"],
    )
    if refused := [reason for node in nodes for reason in _refused(node)]:
        raise RefusedThresholdsError("\n".join(refused))
    return {
        node["name"]: {
            guard: _limits(guard, node["config"]["meta"].get(guard, "off")) for guard in _READERS
        }
        for node in nodes
    }


def _refused(node: Node) -> list[str]:
    settings = node["config"]["meta"]
    reasons = [refusal(guard, setting, _RULES, "guards") for guard, setting in settings.items()]
    freshness = node["config"].get("freshness") or {}
    if any((freshness.get(name) or {}).get("count") for name in ("warn_after", "error_after")):
        reasons.append("freshness: stands in config, where nothing reads it; put it in config.meta")
    return [f"{node['name']}: {reason}" for reason in reasons if reason]


def _limits(guard: str, setting: object) -> Limits | None:
    """Return the limits in the `setting` of a guard; None if the setting is not allowed."""
    # `off` without quotes is false in YAML.
    return {} if setting is False or setting == "off" else _READERS[guard](setting)


def _freshness(setting: object) -> Limits | None:
    return _by_severity(setting, "after", _age)


def _shares(setting: object) -> Limits | None:
    return _by_severity(setting, "below", _share)


def _severity_of_any(setting: object) -> Limits | None:
    return {setting: 0} if setting in ("warn", "error") else None


def _by_severity(setting: object, preposition: str, read: Callable[[object], Any]) -> Limits | None:
    severities = {f"{severity}_{preposition}": severity for severity in ("warn", "error")}
    if not isinstance(setting, Mapping) or not setting or setting.keys() - severities.keys():
        return None
    limits = {severities[name]: read(value) for name, value in setting.items()}
    return None if None in limits.values() else limits


def _age(setting: object) -> timedelta | None:
    if not isinstance(setting, Mapping) or setting.keys() != {"count", "period"}:
        return None
    count, period = setting["count"], _PERIODS.get(str(setting["period"]))
    return count * period if is_whole_number(count) and 0 < count <= 100_000 and period else None


def _share(setting: object) -> float | None:
    return setting if is_number(setting) and 0 < setting <= 1 else None


def _is_allowed(guard: str, setting: object) -> bool:
    return _limits(guard, setting) is not None


_READERS: dict[str, Callable[[object], Limits | None]] = {
    "freshness": _freshness,
    "volume": _shares,
    "schema_drift": _severity_of_any,
    "conflicts": _severity_of_any,
    "undated_versions": _severity_of_any,
    "lookalike_ids": _severity_of_any,
    "matched_customers": _shares,
    "amounts_in_cents": _severity_of_any,
}
_ALLOWED = {
    "freshness": "warn_after or error_after or both, each like {count: 36, period: hour}; count is"
    " a whole number, period minute, hour or day",
    "volume": "warn_below or error_below or both, each a share of the rows, above 0 and up to 1",
    "schema_drift": "warn or error",
    "conflicts": "warn or error",
    "undated_versions": "warn or error",
    "lookalike_ids": "warn or error",
    "matched_customers": "warn_below or error_below or both, each a share of the customers with"
    " orders, above 0 and up to 1",
    "amounts_in_cents": "warn or error",
}
_RULES = {
    guard: Rule(f"{allowed}, or off", partial(_is_allowed, guard))
    for guard, allowed in _ALLOWED.items()
}
