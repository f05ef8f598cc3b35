"""The months of a report, up to the one that still runs."""

from __future__ import annotations

from datetime import date, datetime, timedelta


def month_of(moment: datetime) -> date:
    """Return the first day of the moment's month."""
    return moment.date().replace(day=1)


def next_month(month: date) -> date:
    """Return the first day of the month after."""
    return (month + timedelta(days=31)).replace(day=1)


def months_from(first: date, as_of: datetime) -> list[date]:
    """Return every month from the first one to the running one."""
    months = [first]
    while (month := next_month(months[-1])) < as_of.date():
        months.append(month)
    return months


def state_at(month: date, as_of: datetime) -> datetime:
    """Return the moment that ends the month; the running month is shown as it is at as_of."""
    end = next_month(month)
    return min(datetime(end.year, end.month, end.day), as_of)
