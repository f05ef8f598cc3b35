"""The dbt vars that people set, checked before dbt starts.

dbt puts the text of a var into SQL, through Jinja. A quote in it would cause an obscure error, or
run SQL of a stranger. So no value with a quote is allowed here. A new var needs two things: a
default in dbt_project.yml and a line in RULES.
"""

import re
from calendar import month_name
from collections.abc import Mapping
from datetime import date
from math import inf
from operator import gt, lt
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import available_timezones

import yaml

from orchestration import paths
from orchestration.settings.rules import Rule, is_number, is_whole_number, refusal


class RefusedVariablesError(ValueError):
    """A var has an unknown name or a forbidden value. The message has a line for each such var."""


class _Loader(yaml.SafeLoader):
    """YAML in which a date stays the text that was typed, even an impossible one: 2024-02-30."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _is_date_or_empty(value: object) -> bool:
    if value == "":
        return True
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _is_timezone(value: object) -> bool:
    return isinstance(value, str) and value in available_timezones()


def _is_currency(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("[A-Z]{3}", value) is not None


def _is_list_of_columns(value: object) -> bool:
    # Only the form is checked here. The test dim_customers__has_every_segment checks that the
    # columns exist.
    return (
        isinstance(value, list)
        and all(isinstance(name, str) and re.fullmatch("[a-z][a-z0-9_]*", name) for name in value)
        and len(value) == len(set(value))
    )


def _is_prefixes(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(system, str)
        and re.fullmatch("[A-Za-z0-9_-]+", system)
        and isinstance(prefix, str)
        and re.fullmatch("[A-Za-z0-9_-]{0,40}", prefix)
        for system, prefix in value.items()
    )


def _whole_number(least: int, most: float = inf) -> Rule:
    return Rule(
        f"a whole number, {least} " + ("or more" if most == inf else f"to {most}"),
        lambda value: is_whole_number(value) and least <= value <= most,
    )


def _number(least: float, most: float) -> Rule:
    return Rule(
        f"a number from {least:g} to {most:g}",
        lambda value: is_number(value) and least <= value <= most,
    )


def _one_of(*values: str) -> Rule:
    return Rule(" or ".join(values), lambda value: value in values)


_BOOLEAN = Rule("true or false", lambda value: isinstance(value, bool))

RULES: dict[str, Rule] = {
    "id_prefixes": Rule(
        "a prefix of letters, digits, - and _ for each system: {shopify_admin: shop}", _is_prefixes
    ),
    "as_of_date": Rule("a date YYYY-MM-DD, or empty", _is_date_or_empty),
    "reporting_timezone": Rule("an IANA timezone such as Europe/Berlin", _is_timezone),
    "week_starts_on": _one_of("monday", "sunday", "saturday"),
    "fiscal_year_starts_in": _one_of(*(name.lower() for name in month_name[1:])),
    "reporting_currency": Rule("three capital letters such as USD", _is_currency),
    "order_lapse_days": _whole_number(1),
    "new_customer_days": _whole_number(1),
    "at_risk_days": _whole_number(1),
    "lost_days": _whole_number(1),
    "reactivation_gap_days": _whole_number(0),
    "subscriptions_observed_from": Rule("a date YYYY-MM-DD, or empty", _is_date_or_empty),
    "switch_gap_hours": _whole_number(0, 168),
    "date_only_ends": _one_of("first_day_without", "last_day_of_service"),
    "gross_margin": _number(0, 1),
    "annual_discount_rate": _number(0, 1),
    "clv_horizon_months": _whole_number(1),
    "clv_holdout_days": _whole_number(1),
    "clv_model": _one_of("champion", "bg_nbd", "mbg_nbd"),
    "segments": Rule("a list of columns of dim_customers, each once", _is_list_of_columns),
    "churn_dated_on": _one_of("service_end", "cancel_request"),
    "past_due_pays": _BOOLEAN,
    "recurring_discount_counts": _BOOLEAN,
    "nrr_includes_reactivation": _BOOLEAN,
    "free_orders_count": _BOOLEAN,
    "merges_apply": _one_of("to_all_history", "from_the_merge_on"),
    "landmark_days": _whole_number(1, 89),
    "referral_reward": _number(0, 1_000_000),
    "rfm_window_months": _whole_number(1),
    "silent_per_complaint": _whole_number(0),
    "complaint_days": _whole_number(0, 90),
    # A cart can still be won back on the seventh day.
    "cart_hours": _whole_number(1, 168),
    "contacts_per_week": _whole_number(1, 14),
    # At 0 no number of customers would do.
    "worth_knowing": _number(0.001, 1),
    "play_salt": Rule(
        "1 to 40 letters, digits, - and _",
        lambda value: isinstance(value, str) and re.fullmatch("[A-Za-z0-9_-]{1,40}", value),
    ),
}


def read_variables(text: str) -> dict[str, Any]:
    """Return the vars in `text`, a YAML mapping such as `{as_of_date: 1997-10-01}`.

    Empty text gives an empty dict. Raises RefusedVariablesError if `text` is no mapping, or if a
    name or a value is not allowed.
    """
    try:
        given = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise RefusedVariablesError(f"not a YAML mapping: {text!r} ({error})") from None
    variables = _validated(given, text)
    validate(variables)
    return variables


def project_defaults(project_file: Path = paths.ROOT / "dbt_project.yml") -> dict[str, Any]:
    """Return the default of each var, by name, from dbt_project.yml.

    People edit that file, so its values are checked too. Raises RefusedVariablesError like
    `read_variables`.
    """
    project = yaml.load(project_file.read_text(encoding="utf-8"), _Loader)
    return _validated(project.get("vars"), project_file.name)


def validate(variables: Mapping[Any, Any]) -> None:
    """Raise RefusedVariablesError unless every name is known and every value allowed.

    `variables` are those that a person gives for a build, besides the defaults of dbt_project.yml.
    """
    _validate_each(variables)
    if refused := _limits_out_of_order(variables, project_defaults()):
        raise RefusedVariablesError("\n".join(refused))


def _validate_each(variables: Mapping[Any, Any]) -> None:
    reasons = [refusal(name, value, RULES, "vars") for name, value in variables.items()]
    if refused := [reason for reason in reasons if reason]:
        raise RefusedVariablesError("\n".join(refused))


def _limits_out_of_order(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[str]:
    """Say which given limits of the journey's stages contradict another limit.

    A default yields to order_lapse_days without a word: who sets that var alone means retention.
    """
    limits = {**defaults, **given}
    return [
        f"{name}: {limits[name]} is {words} {other}, which is {limits[other]}; give both"
        for name, words, other, is_wrong in (
            ("new_customer_days", "more than", "at_risk_days", gt),
            ("at_risk_days", "more than", "order_lapse_days", gt),
            ("lost_days", "less than", "order_lapse_days", lt),
        )
        if name in given and is_wrong(limits[name], limits[other])
    ]


def _validated(given: object, origin: str) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise RefusedVariablesError(f"not a YAML mapping such as {{name: value}}: {origin!r}")
    # In YAML, `as_of_date:` with no value behind it is None. People mean an empty value by it.
    variables = {name: "" if value is None else value for name, value in given.items()}
    _validate_each(variables)
    return variables
