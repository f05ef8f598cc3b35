"""Differences as lines for a terminal, or as Markdown for a pull request."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from comparison.compare import Difference

_SHOWN_CUSTOMERS = 10


class UnknownTableError(ValueError):
    """Something that may move is in no published table. The message names the allowed form."""


@dataclass(frozen=True)
class Allowed:
    """What may move: (schema.table, column), or (schema.table, "") for all of a table."""

    places: frozenset[tuple[str, str]]

    @classmethod
    def read(cls, text: str, tables: Mapping[str, Sequence[str]]) -> "Allowed":
        """Return what `text` names, as `churn.rpt_mrr.nrr,core.dim_customers`.

        The schema may be left out. Raises UnknownTableError for a table that is not in `tables`.
        """
        by_name = {table.split(".")[1]: table for table in tables} | {t: t for t in tables}
        places = set()
        for place in filter(None, (each.strip() for each in text.split(","))):
            table, _, column = place.rpartition(".")
            if place in by_name:
                table, column = place, ""
            if table not in by_name:
                raise UnknownTableError(
                    f"ALLOW={place}: no published table; give table or table.column,"
                    " such as churn.rpt_mrr.nrr"
                )
            places.add((by_name[table], column))
        return cls(frozenset(places))

    def allows(self, difference: Difference) -> bool:
        """Return whether the difference was named: its column, or its whole table."""
        return bool(self.places & {(difference.table, difference.column), (difference.table, "")})


def report(
    name: str, found: Sequence[Difference], allowed: Allowed, form: str = "text"
) -> list[str]:
    """Return the lines about the differences of the shop `name`; `form` is text or markdown."""
    moved = [difference for difference in found if not allowed.allows(difference)]
    expected = [difference for difference in found if allowed.allows(difference)]
    lines = _as_markdown if form == "markdown" else _as_text
    return [
        *_heading(name, moved, expected, form),
        *(lines(moved) if moved else []),
        *(["", "Allowed:", *lines(expected)] if expected else []),
        *_customers(found),
    ]


def _heading(
    name: str, moved: Sequence[Difference], expected: Sequence[Difference], form: str
) -> Iterable[str]:
    if not moved and not expected:
        text = "no difference"
    else:
        count = f"{len(moved)} difference" + ("" if len(moved) == 1 else "s")
        text = count + (f", {len(expected)} allowed" if expected else "")
    yield f"### {name}: {text}" if form == "markdown" else f"{name}: {text}"


def _as_text(differences: Sequence[Difference]) -> Iterable[str]:
    return (f"  {difference}" for difference in differences)


def _as_markdown(differences: Sequence[Difference]) -> Iterable[str]:
    yield from ("", "| table | what | rows | the largest |", "|---|---|---:|---|")
    for difference in differences:
        example = difference.example.replace("|", "\\|")
        yield f"| {difference.table} | {difference.what} | {difference.rows:,} | {example} |"


def _customers(found: Sequence[Difference]) -> Iterable[str]:
    """Yield who is behind the differences: the customers in tables of customers."""
    customers = sorted({customer for difference in found for customer in difference.customers})
    if customers:
        shown = ", ".join(customers[:_SHOWN_CUSTOMERS])
        others = len(customers) - _SHOWN_CUSTOMERS
        more = f" and {others:,} more" if others > 0 else ""
        yield ""
        yield f"{len(customers):,} customers behind it: {shown}{more}"
