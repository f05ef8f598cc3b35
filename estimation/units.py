"""Lengths of time, for models that count in days and fit in weeks.

The fits take time in weeks, as the papers do: 213 days / DAYS_PER_WEEK = 30.43 weeks. A horizon in
months becomes days by the mean length of a month: 36 months * DAYS_PER_MONTH = 1095.75 days.
"""

DAYS_PER_WEEK = 7

# Of four years with one leap day: 1461 days in 48 months.
DAYS_PER_MONTH = 30.4375
