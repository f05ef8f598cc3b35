"""Which published numbers are watched, as config.meta of the marts' YAML declares it.

Of a column:

    watched: true              the number counts in each closed period
    watched: periods_since = 0 only in rows of which this SQL is true
    noise_floor: 0.000001      a smaller difference is none

Of a model:

    restated_by: [orders, refunds]                            raw tables whose records can move it
    restatement_limit: {warn_above: 0.02, error_above: 0.5}   shares of a closed month
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from orchestration.settings.rules import Rule, is_number, refusal
from orchestration.warehouse.manifest import Manifest, Node, marts

# Raw tables whose records have an event that a watched report counts.
RAW_TABLES = ("orders", "refunds", "subscriptions")
# Below a billionth, two doubles are the same number, added up in another order.
_NOISE_FLOOR = 1e-9


class RefusedRestatementsError(ValueError):
    """A setting of a watched report is not allowed. The message has a line for each of them."""


@dataclass(frozen=True)
class Measure:
    """A watched column.

    Attributes:
        name: the column.
        condition: SQL that is true of the rows that are watched, apart from closed or not.
        noise_floor: a difference below it, in the unit of the column, is none.
        is_additive: whether values of several rows may be added up: no rate, no mean.

    """

    name: str
    condition: str
    noise_floor: float
    is_additive: bool


@dataclass(frozen=True)
class Report:
    """A mart with watched columns.

    Attributes:
        node: its node in the manifest.
        key: the columns that identify a row.
        measures: the watched columns.
        restated_by: the raw tables whose records can move it.
        limits: the share of a closed period above which a check warns or fails, by severity.

    """

    node: Node
    key: Sequence[str]
    measures: Sequence[Measure]
    restated_by: Sequence[str]
    limits: Mapping[str, float]

    @property
    def schema(self) -> str:
        """The schema of the mart."""
        return self.node["schema"]

    @property
    def table(self) -> str:
        """The name of the mart in its schema."""
        return self.node["name"]

    @property
    def name(self) -> str:
        """The mart as schema.table."""
        return f"{self.schema}.{self.table}"

    def column(self, name: str, otherwise: str = "null") -> str:
        """Return the column `name` if the mart has it, else the SQL `otherwise`."""
        return name if name in self.node["columns"] else otherwise

    def key_text(self, *sides: str) -> str:
        """Return the SQL of a row's key as a text, such as month=2025-09-01, segment_name=all.

        A value is that of the first of the `sides`, such as before. and after., that has one.
        """
        values = [", ".join(f"{side}{name}" for side in sides) for name in self.key]
        parts = [
            f"'{name}=' || cast(coalesce({value}) as varchar)"
            for name, value in zip(self.key, values, strict=True)
        ]
        return f"concat_ws(', ', {', '.join(parts)})"

    @property
    def period(self) -> str:
        """The column with the first day of a row's period, or null without periods."""
        return self.column("period_start", self.column("month", self.column("cohort_start")))

    @property
    def grain(self) -> str:
        """The SQL of the length of a row's period: a column, 'month', or null without periods."""
        has_month = "month" in self.node["columns"]
        return self.column("period_grain", "'month'" if has_month else "null")


def watched_reports(manifest: Manifest) -> list[Report]:
    """Return the marts with watched columns, ordered by schema and name.

    Raises RefusedRestatementsError, with a line for each setting that is not allowed.
    """
    found = [node for node in marts(manifest) if any(map(_meta, node["columns"].values()))]
    if refused := [reason for node in found for reason in _refused(node)]:
        raise RefusedRestatementsError("\n".join(refused))
    keys = _keys(manifest)
    return [
        Report(
            node=node,
            key=keys[node["unique_id"]],
            measures=[
                _measure(column)
                for column in node["columns"].values()
                if "watched" in _meta(column)
            ],
            restated_by=node["config"]["meta"].get("restated_by", RAW_TABLES),
            limits=_limits(node["config"]["meta"].get("restatement_limit", "off")) or {},
        )
        for node in found
        if any("watched" in _meta(column) for column in node["columns"].values())
    ]


def _meta(column: Mapping) -> Mapping:
    return column.get("config", {}).get("meta", {})


def _measure(column: Mapping) -> Measure:
    meta = _meta(column)
    return Measure(
        name=column["name"],
        condition="true" if meta["watched"] is True else meta["watched"],
        noise_floor=meta.get("noise_floor", _NOISE_FLOOR),
        is_additive=column["data_type"] != "double",
    )


def _keys(manifest: Manifest) -> dict[str, list[str]]:
    """Return the columns of the data test unique_key, by the id of the model."""
    return {
        test["attached_node"]: [
            # A column that may be NULL is tested as coalesce(column, ...), or with a cast.
            re.sub(r"coalesce\((?:cast\()?(\w+).*", r"\1", column)
            for column in test["test_metadata"]["kwargs"]["columns"]
        ]
        for test in manifest["nodes"].values()
        if test["resource_type"] == "test"
        and (test.get("test_metadata") or {}).get("name") == "unique_key"
    }


def _refused(node: Node) -> list[str]:
    places = [(node["name"], node["config"].get("meta", {}), _OF_MODELS)]
    places += [
        (f"{node['name']}.{name}", _meta(column), _OF_COLUMNS)
        for name, column in node["columns"].items()
    ]
    reasons = [
        (place, refusal(name, value, rules, "settings"))
        for place, meta, rules in places
        for name, value in meta.items()
    ]
    return [f"{place}: {reason}" for place, reason in reasons if reason]


def _limits(setting: object) -> Mapping[str, float] | None:
    """Return the limits in the `setting` of a report; None if the setting is not allowed."""
    # `off` without quotes is false in YAML.
    if setting is False or setting == "off":
        return {}
    severities = {f"{severity}_above": severity for severity in ("warn", "error")}
    if not isinstance(setting, Mapping) or not setting or setting.keys() - severities.keys():
        return None
    if not all(is_number(share) and share >= 0 for share in setting.values()):
        return None
    return {severities[name]: share for name, share in setting.items()}


_OF_MODELS = {
    "restated_by": Rule(
        f"a list of {', '.join(RAW_TABLES)}",
        lambda value: isinstance(value, list) and bool(value) and set(value) <= set(RAW_TABLES),
    ),
    "restatement_limit": Rule(
        "warn_above or error_above or both, each a share of a closed period from 0 on, or off",
        lambda value: _limits(value) is not None,
    ),
}
_OF_COLUMNS = {
    "watched": Rule(
        "true, or SQL that is true of the watched rows",
        lambda value: value is True or (isinstance(value, str) and bool(value.strip())),
    ),
    "noise_floor": Rule("a number above 0", partial(lambda value: is_number(value) and value > 0)),
}
