"""The thresholds of guards, validated: config.meta of the raw tables in the manifest.

    freshness: {warn_after: {count: 36, period: hour}, error_after: {count: 7, period: day}}
    volume: {warn_below: 0.9, error_below: 0.5}
    schema_drift: warn

What is past an error threshold blocks publishing. freshness has the form of dbt's own config of
that name and stands in meta all the same: dbt drops what is misspelt there without a word.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from orchestration.warehouse.manifest import Manifest, Node

# The bound past which a guard fails, by severity: error or warn. Empty: the guard is off.
Limits = Mapping[str, Any]

_PERIODS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}


class RefusedThresholdsError(ValueError):
    """One or more settings of guards are unknown or not allowed; says which, and what is."""


def thresholds(manifest: Manifest) -> dict[str, dict[str, Limits]]:
    """Return the limits of each guard by raw table, in the order of the tables' names.

    Limits are timedeltas for freshness, shares for volume, and for schema_drift how many files may
    differ. Raises RefusedThresholdsError, with a line for each setting that is not allowed.
    """
    nodes = sorted(manifest["sources"].values(), key=lambda node: node["name"])
    if refused := [reason for node in nodes for reason in _refused(node)]:
        raise RefusedThresholdsError("\n".join(refused))
    return {
        node["name"]: {
            guard: _limits(guard, node["config"]["meta"].get(guard, "off")) for guard in _RULES
        }
        for node in nodes
    }


def _refused(node: Node) -> list[str]:
    reasons = []
    for name, setting in node["config"]["meta"].items():
        if name not in _RULES:
            reasons.append(f"{name}: unknown; the guards are {', '.join(_RULES)}")
        elif _limits(name, setting) is None:
            allowed = _RULES[name].allowed
            reasons.append(f"{name}: {setting!r} is not allowed; give {allowed}, or off")
    freshness = node["config"].get("freshness") or {}
    if any((freshness.get(name) or {}).get("count") for name in ("warn_after", "error_after")):
        reasons.append("freshness: stands in config, where nothing reads it; put it in config.meta")
    return [f"{node['name']}: {reason}" for reason in reasons]


def _limits(guard: str, setting: object) -> Limits | None:
    # `off` without quotes is false in YAML
    return {} if setting is False or setting == "off" else _RULES[guard].limits(setting)


def _freshness(setting: object) -> Limits | None:
    return _by_severity(setting, "after", _age)


def _volume(setting: object) -> Limits | None:
    return _by_severity(setting, "below", _share)


def _schema_drift(setting: object) -> Limits | None:
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
    is_count = _is_number(count) and isinstance(count, int) and 0 < count <= 100_000
    return count * period if is_count and period else None


def _share(setting: object) -> float | None:
    return setting if _is_number(setting) and 0 < setting <= 1 else None


def _is_number(value: object) -> bool:
    # bool is a subclass of int in Python; `true` is not a number here.
    return isinstance(value, int | float) and not isinstance(value, bool)


class _Rule(NamedTuple):
    """What a setting may be, in words, and the function that reads it; None: not allowed."""

    allowed: str
    limits: Callable[[object], Limits | None]


_RULES = {
    "freshness": _Rule(
        "warn_after or error_after or both, each like {count: 36, period: hour}; count is a whole"
        " number, period minute, hour or day",
        _freshness,
    ),
    "volume": _Rule(
        "warn_below or error_below or both, each a share of the rows, above 0 and up to 1", _volume
    ),
    "schema_drift": _Rule("warn or error", _schema_drift),
}
