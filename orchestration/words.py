"""Long lists in few words: the first items, and how many others there are."""

from collections.abc import Sequence
from typing import TypeVar

_Item = TypeVar("_Item")


def first_few(items: Sequence[_Item], most: int) -> tuple[Sequence[_Item], str]:
    """Return the first `most` items, and words for the others: `and 3 more`.

    The words are an empty text if `most` items are enough to show all.
    """
    hidden = len(items) - most
    return items[:most], f"and {hidden} more" if hidden > 0 else ""


def first_few_names(names: Sequence[str], most: int) -> str:
    """Return the first `most` names as one phrase, such as `a, b and 3 more`."""
    shown, others = first_few(names, most)
    return f"{', '.join(shown)} {others}".strip()
