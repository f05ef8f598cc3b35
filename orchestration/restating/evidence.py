"""Whom and when the changes of the raw files concern, in the words of the reports.

The result is the temporary table `placed`: one row per changed version, segment, period and cohort.
"""

from collections.abc import Sequence

import duckdb

from orchestration.restating.records import find_changes

# A subscription's new version repeats what older ones said: only its own moments are news. One that
# deletes the subscription concerns all moments that were ever told of it. A new merge concerns all
# days of the accounts, and a rate all days until the next rate.
_EVENTS = """
    create or replace temp table events as
    with
    accounts as (
        select distinct account_id, customer_id as owner_id
        from warehouse.intermediate.int_accounts_merged
        where not_applied_reason is null
    ),
    told_before as (
        select distinct thing, unnest(moments) as moment
        from records where raw_table = 'subscriptions' and not is_new
    ),
    told as (
        select
            changes.raw_table, changes.side, changes.kind, changes.version, changes.difference,
            changes.files, records.account_id, unnest(records.moments) as moment,
            records.moments[1] as first_moment, records.thing
        from (
            select *, version as told_version from changes
            union all
            select changes.*, records.version
            from changes
            inner join records using (raw_table, thing)
            where
                changes.raw_table = 'subscriptions' and changes.kind = 'deleted'
                and changes.version <> records.version
        ) as changes
        inner join records
            on changes.raw_table = records.raw_table and changes.told_version = records.version
        where records.outcome = 'accepted' or not records.is_new
    ),
    of_records as (
        select told.* exclude (first_moment, thing)
        from told
        left join told_before
            on
                told.raw_table = 'subscriptions' and told.thing = told_before.thing
                and told.moment = told_before.moment and told.moment <> told.first_moment
                and told.kind <> 'deleted'
        where
            told.raw_table not in ('customers', 'exchange_rates')
            and told_before.thing is null and told.moment is not null
    ),
    newly_merged as (
        select version, files from changes where kind = 'merged'
        union
        -- told before, for a moment that has come since
        select records.customer_id, [records.file]
        from warehouse.intermediate.int_accounts_merged as merges
        inner join warehouse.staging.stg_customer_records as records
            on merges.account_id = records.customer_id and records.outcome = 'accepted'
        inner join served.meta.builds as before
            on before.is_current
            and cast(timezone('{timezone}', timezone('UTC', merges.merged_at)) as date)
            >= before.as_of
        where merges.not_applied_reason is null
    ),
    merged as (
        select
            newly_merged.version, newly_merged.files,
            coalesce(others.account_id, newly_merged.version) as account_id
        from newly_merged
        left join accounts on newly_merged.version = accounts.account_id
        left join accounts as others on accounts.owner_id = others.owner_id
    ),
    paid as (
        select customer_id, original_currency, ordered_at as moment
        from warehouse.staging.stg_orders
        union all
        select customer_id, original_currency, valid_from
        from warehouse.staging.stg_subscription_records where outcome = 'accepted'
    ),
    rates as (
        select changes.*, stg_exchange_rates.currency, valid_from, valid_to
        from changes
        inner join warehouse.staging.stg_exchange_rates
            on changes.version = concat_ws(' ', stg_exchange_rates.currency, valid_from)
        where changes.raw_table = 'exchange_rates'
    ),
    all_events as (
        from of_records
        union all by name
        select
            'customers' as raw_table, 'any' as side, 'merged' as kind, version,
            null::decimal(18, 2) as difference, files, account_id, paid.moment
        from merged inner join paid on merged.account_id = paid.customer_id
        union all by name
        select
            raw_table, side, kind, version, difference, files, paid.customer_id as account_id,
            paid.moment
        from rates
        inner join paid
            on
                rates.currency = paid.original_currency and paid.moment >= rates.valid_from
                and paid.moment < coalesce(rates.valid_to, date '9999-12-31')
    )
    select distinct
        all_events.* exclude (moment, account_id),
        cast(timezone('{timezone}', timezone('UTC', all_events.moment)) as date) as day,
        -- whose it is now, and the account, whose it may have been
        unnest(list_distinct([all_events.account_id, accounts.owner_id])) as customer_id
    from all_events
    left join accounts on all_events.account_id = accounts.account_id
"""
_DATES = ("customer_id", "first_order_date", "first_paid_on")
_ATTRIBUTES = """
    create or replace temp table attributes as
    select distinct customer_id, first_order_date, first_paid_on, unnested.*
    from (
        select {segments} from served.core.dim_customers
        union
        select {segments} from warehouse.core.dim_customers
    ) as customers
    semi join events using (customer_id)
    cross join unnest([{pairs}]) as list (unnested)
"""
# The period of each day, of both calendars: a deleted order may have begun the older one.
_DAYS = """
    create or replace temp table days as
    with
    calendar as (
        select date_day, week_start, month_start, quarter_start, year_start
        from served.core.dim_dates
        union
        select date_day, week_start, month_start, quarter_start, year_start
        from warehouse.core.dim_dates
    )
    select date_day, grain[:-7] as period_grain, period_start
    from (
        unpivot calendar on week_start, month_start, quarter_start, year_start
        into name grain value period_start
    )
"""
# One row per changed version and place in a report. Merges and rates concern both sides of a shop.
_PLACED = """
    create or replace temp table placed as
    with
    sided as (
        select
            * exclude (side),
            unnest(if(side = 'any', ['orders', 'subscriptions'], [side])) as side
        from events
    )
    select distinct
        sided.raw_table, sided.side, sided.kind, sided.version, sided.difference, sided.files,
        coalesce(attributes.segment_name, 'all') as segment_name,
        coalesce(attributes.segment_value, 'all') as segment_value,
        sided.day < before.as_of as is_backdated,
        days.period_grain, days.period_start, cohorts.period_start as cohort_start
    from sided
    cross join (select as_of from served.meta.builds where is_current) as before
    left join attributes on sided.customer_id = attributes.customer_id
    left join days on sided.day = days.date_day
    left join days as cohorts
        on
            days.period_grain = cohorts.period_grain
            and cohorts.date_day = case sided.side
                when 'orders' then attributes.first_order_date else attributes.first_paid_on
            end
"""
# Customers whom a report counts in another segment than before, and the files that told so.
_RESEGMENTED = """
    create or replace temp table resegmented as
    with
    moves as (
        select before.customer_id, unnest([{moves}]) as move
        from served.core.dim_customers as before
        inner join warehouse.core.dim_customers as now using (customer_id)
        where {differs}
    ),
    told as (
        select customer_id, flatten(list(files)) as files
        from events
        group by customer_id
        union all
        select thing, files from changes where raw_table = 'customers' and kind <> 'merged'
    )
    select
        move.segment_name, sides.segment_value, count(distinct moves.customer_id) as records,
        list_distinct(flatten(list(told.files))) as files
    from moves
    cross join unnest([move.was, move.is_now]) as sides (segment_value)
    left join told using (customer_id)
    where move.was is distinct from move.is_now
    group by all
"""


def gather_evidence(
    connection: duckdb.DuckDBPyConnection, segments: Sequence[str], timezone: str
) -> None:
    """Fill the temporary tables `placed`, `changes`, `resegmented` and `gone_files`.

    `connection` has two DuckDB files attached: `served`, what readers have, and the private
    `warehouse`. `segments` are the attributes by which reports are split, and `timezone` is the
    reporting timezone.
    """
    find_changes(connection)
    connection.execute(_EVENTS.replace("{timezone}", timezone))
    shared = [name for name in segments if _has_attribute(connection, name)]
    pairs = ["{'segment_name': 'all', 'segment_value': 'all'}"]
    pairs += [f"{{'segment_name': '{name}', 'segment_value': {name}}}" for name in shared]
    connection.execute(
        _ATTRIBUTES.format(segments=", ".join([*_DATES, *shared]), pairs=", ".join(pairs))
    )
    connection.execute(_DAYS)
    connection.execute(_PLACED)
    moves = [
        f"{{'segment_name': '{name}', 'was': before.{name}, 'is_now': now.{name}}}"
        for name in shared
    ]
    differs = [f"before.{name} is distinct from now.{name}" for name in shared]
    connection.execute(
        _RESEGMENTED.format(
            moves=", ".join(moves) or "{'segment_name': '', 'was': '', 'is_now': ''}",
            differs=" or ".join(differs) or "false",
        )
    )


def _has_attribute(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    [(databases,)] = connection.execute(
        "select count(*) from duckdb_columns() where schema_name = 'core'"
        " and table_name = 'dim_customers' and column_name = ?"
        " and database_name in ('served', 'warehouse')",
        [name],
    ).fetchall()
    return databases == 2
