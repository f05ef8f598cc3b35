"""Days in a week and in a month, for models that count in days and fit in weeks.

The fits take time in weeks, as the papers do. A horizon in months becomes days first.

>>> round(213 / DAYS_PER_WEEK, 2)
30.43
>>> 36 * DAYS_PER_MONTH
1095.75
"""

DAYS_PER_WEEK = 7

# Of four years with one leap day: 1461 days in 48 months.
DAYS_PER_MONTH = 30.4375
