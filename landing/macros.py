"""The project's own SQL, rendered without dbt, so that no rule of reading stands twice.

Only what judges and maps texts is rendered: macros/ and models/sources/. What these ask dbt for is
stood in for here: vars by dbt_project.yml, sources by relations with texts, refs by the files of
seeds or by the models themselves.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import yaml

from landing.texts import quoted

_MACRO = re.compile(r"{%-?\s*macro\s+(\w+)\(.*?{%-?\s*endmacro\s*-?%}", re.DOTALL)
_JUDGED = """
select
    *,
    {{ contract_faults(contract) }} as faults,
    {{ contract_remarks(contract) }} as remark
from (
    select
        {%- for column in contract %}
        {{ cast_text(column.name ~ '_text', column.data_type) }} as {{ column.name }},
        {{ column.name }}_text,
        {%- endfor %}
        mapping_fault,
        mapping_remark,
        {{ others | join(', ') }}
    from (
        select
            {%- for column in contract %}
            {{ trimmed(column.name) }} as {{ column.name }}_text,
            {%- endfor %}
            mapping_fault,
            remark as mapping_remark,
            {{ others | join(', ') }}
        from {{ relation }}
    )
)
"""


class _Returned(Exception):
    """Carries the value that a macro returns, as dbt's `return` lets it."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


def _leave(value: object) -> None:
    raise _Returned(value)


class Macros:
    """The macros and models of a project folder."""

    def __init__(self, project: Path) -> None:
        """Read macros and vars. Raises jinja2.TemplateError if they cannot be rendered here."""
        self.project = project
        settings = yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8"))
        variables: Mapping[str, Any] = settings["vars"]
        environment = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=False)
        environment.globals.update(
            {
                "adapter": self,
                "exceptions": self,
                "execute": False,
                "modules": {"re": re},
                "none": None,
                "ref": self._ref,
                "return": _leave,
                "source": self._source,
                "var": variables.__getitem__,
            }
        )
        self._environment = environment
        self._relations: Callable[[str, str], str] = lambda system, entity: f"{system}.{entity}"
        self._macro = {name: self._made(name, text) for name, text in self._macros()}
        environment.globals.update(
            self._macro,
            read_texts=str,
            file_of=str,
            declared_columns=lambda system, table: self._contract,
        )
        self._contract: Sequence[Any] = ()
        self._models: dict[str, str] = {}

    def judged(self, contract: Sequence[Any], relation: str, others: Sequence[str]) -> str:
        """Return SQL for the records of a relation with `faults` and `remark`, '' and NULL if good.

        `contract` are the nodes of a table. The relation has its columns as texts, mapping_fault,
        remark, and `others`, which are handed on.
        """
        return self._render(_JUDGED, contract=contract, relation=relation, others=others)

    def mapping(self, system: str, table: str, relations: Callable[[str, str], str]) -> str | None:
        """Return SQL of a system's mapping to a contract table; None if it has no such mapping.

        `relations` gives the relation with the texts of an entity.
        """
        name = f"{system}__{table}"
        if not list((self.project / "models" / "sources" / system).glob(f"{name}.sql")):
            return None
        self._relations = relations
        self._models = {}
        last = self._ref(name)
        models = ", ".join(f"{model} as ({sql})" for model, sql in self._models.items())
        return f"(with {models} select * from {last})"

    def mapped(self, contract: Sequence[Any], mapping: str, columns: list[str], reader: str) -> str:
        """Return SQL for files with a _mapping.yml, mapped to the contract table of these nodes.

        `mapping` is JSON as in the inventory, `columns` are those of the files, and `reader` is the
        relation with their texts and filename.
        """
        self._contract = contract
        scan = {
            "format": "csv",
            "envelope": "",
            "columns": columns,
            "names": columns,
            "types": [],
            "reader": reader,
        }
        folder = {"mapping": json.loads(mapping), "scans": [scan]}
        return f"({self._macro['read_mapped'](folder, '')})"

    def dispatch(self, name: str, package: str) -> Callable[..., str]:
        """Stand in for adapter.dispatch: the macro for DuckDB."""
        return self._macro.get(f"duckdb__{name}") or self._macro[f"default__{name}"]

    def raise_compiler_error(self, message: str) -> None:
        """Stand in for exceptions.raise_compiler_error: a ValueError."""
        raise ValueError(message)

    def warn(self, message: str) -> str:
        """Stand in for exceptions.warn: says nothing."""
        return ""

    def _source(self, system: str, entity: str) -> str:
        return self._relations(system, entity)

    def _ref(self, name: str) -> str:
        seed = self.project / "seeds" / f"{name}.csv"
        if seed.exists():
            return f"read_csv({quoted(seed)}, header = true)"
        # written once, as dbt does, however many models read it: after those that it reads itself
        if name not in self._models:
            [model] = (self.project / "models" / "sources").glob(f"*/{name}.sql")
            self._models[name] = self._render(model.read_text(encoding="utf-8"))
        return name

    def _render(self, text: str, **context: Any) -> str:  # noqa: ANN401
        return self._environment.from_string(text).render(**context)

    def _macros(self) -> Iterator[tuple[str, str]]:
        for file in sorted((self.project / "macros").rglob("*.sql")):
            for found in _MACRO.finditer(file.read_text(encoding="utf-8")):
                yield found[1], found[0]

    def _made(self, name: str, text: str) -> Callable[..., Any]:
        """Return a macro as a function. It is compiled when it is called, for few are."""
        compiled: list[Callable[..., str]] = []

        def macro(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
            if not compiled:
                compiled.append(getattr(self._environment.from_string(text).module, name))
            try:
                return compiled[0](*arguments, **named)
            except _Returned as returned:
                return returned.value

        return macro
