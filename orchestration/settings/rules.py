"""Rules: the allowed values of a setting, in words and as a check."""

from collections.abc import Callable, Mapping
from typing import NamedTuple


class Rule(NamedTuple):
    """The allowed values of one setting: `allowed` in words, `is_allowed` as a check."""

    allowed: str
    is_allowed: Callable[[object], bool]


def refusal(name: object, value: object, rules: Mapping[str, Rule], kind: str) -> str | None:
    """Return why the setting `name` cannot have this `value`, in one line; None if it can.

    `kind` is the word for all names in `rules`, such as `vars`.
    """
    if name not in rules:
        return f"{name}: unknown; the {kind} are {', '.join(sorted(rules))}"
    if not rules[name].is_allowed(value):
        return f"{name}: {value!r} is not allowed; give {rules[name].allowed}"
    return None


def is_number(value: object) -> bool:
    """Return whether `value` is an int or a float. True and False are no numbers here."""
    # bool is a subclass of int in Python.
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole_number(value: object) -> bool:
    """Return whether `value` is an int. True and False are no numbers here."""
    return is_number(value) and isinstance(value, int)
