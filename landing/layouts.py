"""The layouts that are known: the tables of the raw contract, and the entities of each system.

Both stand in YAML files of dbt, which are read here as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from landing.words import unknown

CONTRACT = "raw"
# Where the layouts stand.
MODELS = Path(__file__).resolve().parents[1] / "models"
# The one in C is ten times as fast, and not everywhere.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Table:
    """A table of the contract: its columns with their types, and those a file must have."""

    name: str
    types: dict[str, str]
    required: tuple[str, ...]
    # each with name, data_type and config.meta, as dbt gives them to macros
    nodes: tuple[dict[str, Any], ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.types)


@dataclass(frozen=True)
class Entity:
    """What a file of a system may be. Its records count in a table of the contract.

    `is_part`: all its records are part of other ones. A file is of the entity if it has all
    `required` columns and none of the `absent` ones.
    """

    system: str
    name: str
    table: str
    is_part: bool
    columns: tuple[str, ...]
    required: tuple[str, ...]
    absent: tuple[str, ...]

    def fits(self, columns: list[str]) -> bool:
        """Tell whether a file with these columns is of the entity."""
        return set(self.required) <= set(columns) and not set(self.absent) & set(columns)


@dataclass(frozen=True)
class Layouts:
    """The tables of the contract by name, and the entities of each system by its name."""

    tables: dict[str, Table]
    systems: dict[str, list[Entity]]


def read_layouts(models_dir: Path) -> Layouts:
    """Return the layouts that the YAML files below the folder of models declare.

    Raises ValueError, with the file, for a layout that names no table of the contract.
    """
    contract = models_dir / "staging" / "_sources.yml"
    tables = {
        table["name"]: _table(table)
        for source in _sources(contract)
        if source["name"] == CONTRACT
        for table in source["tables"]
    }
    systems: dict[str, list[Entity]] = {}
    for file in sorted((models_dir / "sources").glob("*/_*.yml")):
        for source in _sources(file):
            for table in source.get("tables") or []:
                entity = _entity(source["name"], table)
                if entity.table not in tables:
                    raise ValueError(
                        f"{file}: {entity.name}: "
                        + unknown(entity.table or "''", "table of the contract", tables)
                    )
                if not entity.required:
                    raise ValueError(
                        f"{file}: {entity.name}: no column has config.meta.required, so any file"
                        " would be it; mark the columns that tell it"
                    )
                systems.setdefault(entity.system, []).append(entity)
    return Layouts(tables, systems)


def _sources(file: Path) -> list[Mapping[str, Any]]:
    try:
        read = yaml.load(file.read_text(encoding="utf-8"), _LOADER) or {}
        sources = read.get("sources") or []
        # dbt says more of a name that is missing, when it parses the file
        return [source for source in sources if source["name"]]
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{file}: no layout can be read: {error}") from error


def _meta(node: Mapping[str, Any]) -> Mapping[str, Any]:
    return (node.get("config") or {}).get("meta") or {}


def _named(columns: list[Mapping[str, Any]], flag: str) -> tuple[str, ...]:
    return tuple(str(column["name"]) for column in columns if _meta(column).get(flag))


def _table(table: Mapping[str, Any]) -> Table:
    columns = table.get("columns") or []
    return Table(
        table["name"],
        {column["name"]: column.get("data_type", "text") for column in columns},
        _named(columns, "required"),
        tuple({**column, "config": {"meta": _meta(column)}} for column in columns),
    )


def _entity(system: str, table: Mapping[str, Any]) -> Entity:
    columns = table.get("columns") or []
    meta = _meta(table)
    return Entity(
        system,
        table["name"],
        meta.get("table", ""),
        bool(meta.get("is_part")),
        tuple(str(column["name"]) for column in columns),
        _named(columns, "required"),
        tuple(str(name) for name in meta.get("absent") or ()),
    )
