"""Subscriptions exploded by day, in DuckDB: `python exploded_days.py WAREHOUSE`.

Many warehouses make one row per paying subscription and day. The MRR at each month end follows from
these rows, and then the movements of each month. The versions in force are the harder part, and
this script does not make them: it reads them from the warehouse. Prints the sum of recurring
revenue over all months as JSON.
"""

import json
import sys
from pathlib import Path

import duckdb

from orchestration.settings.duckdb_settings import duckdb_settings

DAYS = """
create temp table subscription_days as
select
    versions.customer_id,
    days.date_day,
    versions.mrr
from warehouse.intermediate.int_subscription_versions_priced as versions
inner join warehouse.intermediate.int_days_spined as days
    on
        versions.pays_from < days.date_day + interval 1 day
        and (versions.pays_to is null or versions.pays_to >= days.date_day + interval 1 day)
where versions.is_paying
"""

CUSTOMER_DAYS = """
create temp table customer_days as
select customer_id, date_day, sum(mrr) as mrr
from subscription_days
group by customer_id, date_day
"""

MOVEMENTS = """
create temp table movements as
with month_ends as (
    select *, date_trunc('month', date_day) as month
    from customer_days
    where
        date_day = last_day(date_day)
        or date_day = (select last_day from warehouse.intermediate.int_as_of)
)
select
    customer_id,
    month,
    mrr,
    mrr - lag(mrr, 1, 0) over (partition by customer_id order by month) as change
from month_ends
"""


def main() -> None:
    """Print the sum of recurring revenue."""
    with duckdb.connect(config=duckdb_settings(Path(f"{sys.argv[1]}.rival"))) as connection:
        connection.execute(f"attach '{sys.argv[1]}' as warehouse (read_only)")
        for statement in (DAYS, CUSTOMER_DAYS, MOVEMENTS):
            connection.execute(statement)
        [(mrr,)] = connection.execute("select coalesce(sum(mrr), 0) from movements").fetchall()
    print(json.dumps({"mrr": str(mrr)}))


if __name__ == "__main__":
    main()
