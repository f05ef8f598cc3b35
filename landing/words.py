"""Words for messages: the name that was meant, and lists of names."""

import re
from collections.abc import Callable, Iterable
from difflib import SequenceMatcher

# Below this likeness a name is no help. 1 is the same name.
_ALIKE = 0.6


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is most like `name`, '' if none is like it."""
    plain = _plain(name)
    likeness = [
        (SequenceMatcher(None, plain, _plain(one)).ratio(), len(one), one)
        for one in known
        if one.strip()
    ]
    best = max(likeness, key=lambda item: (item[0], -item[1]), default=(0.0, 0, ""))
    return best[2] if best[0] >= _ALIKE else ""


def with_nearest(
    names: Iterable[str],
    known: Iterable[str],
    find: Callable[[str, list[str]], str] = nearest,
) -> str:
    """Return 'amount: total_amount, status: state' for names that `find` knows a like of."""
    known = list(known)
    pairs = [(name, find(name, known)) for name in names]
    return ", ".join(f"{name}: {like}" for name, like in pairs if like)


def one_or_more(noun: str, names: Iterable[str]) -> str:
    """Return 'column a is' or 'columns a, b are'."""
    names = list(names)
    if len(names) == 1:
        return f"{noun} {names[0]} is"
    return f"{noun}s {', '.join(names)} are"


def unknown(name: str, kind: str, allowed: Iterable[str]) -> str:
    """Return the sentence that refuses an unknown name: the nearest one, and all allowed ones."""
    allowed = list(allowed)
    like = nearest(name, allowed)
    return (
        f"{name} is no {kind}"
        + (f"; is it {like}?" if like else "")
        + f" (allowed: {', '.join(allowed)})"
    )


def _plain(name: str) -> str:
    return re.sub("[^a-z0-9]+", "_", name.lower()).strip("_")
