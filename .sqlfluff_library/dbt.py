"""What dbt's cross-database macros look like to the linter, which renders models without dbt."""


def date_trunc(datepart: str, date: str) -> str:
    """Stand in for dbt.date_trunc."""
    return f"date_trunc('{datepart}', {date})"


def dateadd(datepart: str, interval: object, from_date_or_timestamp: str) -> str:
    """Stand in for dbt.dateadd."""
    return f"date_add({from_date_or_timestamp}, {interval})"


def datediff(first_date: str, second_date: str, datepart: str) -> str:
    """Stand in for dbt.datediff."""
    return f"date_diff('{datepart}', {first_date}, {second_date})"


def last_day(date: str, datepart: str) -> str:
    """Stand in for dbt.last_day."""
    return f"last_day({date})"


def hash(field: str) -> str:
    """Stand in for dbt.hash."""
    return f"md5({field})"


def type_string() -> str:
    """Stand in for dbt.type_string."""
    return "string"
