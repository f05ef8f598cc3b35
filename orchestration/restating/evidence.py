"""What is new in the raw files since the build that readers have, and whom and when it concerns.

Records of new files are compared with the records of their keys that stood before: so it is told
what a file changed, and a record that is only repeated changes nothing. The result is the temporary
table `placed`, one row per changed version, segment, period and cohort.
"""

from collections.abc import Sequence
from typing import NamedTuple

import duckdb


class _Records(NamedTuple):
    """How the records of a raw table are read: SQL over its relation in staging.

    A `thing` is what a source tells of, and has one or more versions; `version` identifies each.
    """

    relation: str
    side: str
    thing: str
    version: str
    account: str
    amount: str
    moments: str


_RAW = {
    "orders": _Records(
        "stg_order_records",
        "orders",
        "order_id",
        "order_id",
        "customer_id",
        "amount",
        "[ordered_at]",
    ),
    "refunds": _Records(
        "stg_refund_records",
        "orders",
        "refund_id",
        "refund_id",
        # A refund is its order's, and may name no customer of its own.
        "coalesce((select min(customer_id) from warehouse.staging.stg_orders as orders"
        " where orders.order_id = records.order_id), customer_id)",
        "amount",
        "[refunded_at]",
    ),
    "subscriptions": _Records(
        "stg_subscription_records",
        "subscriptions",
        "concat_ws(' ', subscription_id, item_id)",
        "concat_ws(' ', subscription_id, item_id, valid_from)",
        "customer_id",
        "original_amount",
        # The first one must be the moment from which the version holds.
        "[valid_from, started_at, ended_at, cancel_requested_at,"
        " case when status = 'canceled' then current_period_ends_at end]",
    ),
    "customers": _Records(
        "stg_customer_records",
        "any",
        "customer_id",
        "customer_id",
        "customer_id",
        "cast(null as decimal(18, 2))",
        "[cast(null as timestamp)]",
    ),
    "exchange_rates": _Records(
        "stg_exchange_rate_records",
        "any",
        "currency",
        "concat_ws(' ', currency, rate_date)",
        "cast(null as varchar)",
        "cast(null as decimal(18, 2))",
        "[cast(rate_date as timestamp)]",
    ),
}
# What tells nothing of a record's content. A record that was only written anew has not changed.
_NO_CONTENT = (
    "file, outcome, reject_reason, superseded_reason, kept_file, record_role, remark, raw_record,"
    " scan_position, line, updated_at"
)

_FILES = """
    create or replace temp table new_files as
    select now.table_name, now.file, before.file is not null as is_changed
    from warehouse.meta.source_files as now
    left join served.meta.source_files as before
        on now.table_name = before.table_name and now.file = before.file
    where now.sha256 is distinct from before.sha256;

    create or replace temp table gone_files as
    select before.table_name, before.file, before.rows_accepted as records
    from served.meta.source_files as before
    anti join warehouse.meta.source_files as now
        on now.table_name = before.table_name and now.file = before.file
"""
_CREATE_RECORDS = """
    create or replace temp table records (
        raw_table varchar, side varchar, thing varchar, version varchar, account_id varchar,
        amount decimal(18, 4), moments timestamp[], file varchar, outcome varchar,
        is_deleted boolean, merged_into varchar, is_conflict boolean, is_new boolean,
        is_changed boolean, updated_at timestamp, content ubigint
    )
"""
_RECORDS_OF = """
    insert into records
    with
    new_files_here as (select * from new_files where table_name = '{raw_table}'),
    things as (
        select distinct {thing} as thing
        from warehouse.staging.{relation}
        semi join new_files_here using (file)
        where outcome in ('accepted', 'superseded')
    ),
    told as (
        select *, hash(*columns(* exclude ({no_content}))) as content
        from warehouse.staging.{relation}
        where outcome in ('accepted', 'superseded') and {thing} in (select thing from things)
    )
    select
        '{raw_table}', '{side}', {thing}, {version}, {account}, {amount}, {moments}, records.file,
        records.outcome, records.is_deleted, {merged_into},
        coalesce(records.superseded_reason like 'conflict:%', false),
        new_files_here.file is not null, coalesce(new_files_here.is_changed, false),
        records.updated_at, records.content
    from told as records
    left join new_files_here on records.file = new_files_here.file
"""
# The version that stood before is the best one of the old files, by the rules of staging.
_CHANGES = """
    create or replace temp table changes as
    with
    states as (
        select
            raw_table, side, thing, version,
            first(struct_pack(content, amount, is_deleted, merged_into, is_conflict) order by
                outcome = 'accepted' desc, updated_at desc nulls last,
                regexp_extract(file, '\\d{4}-\\d{2}-\\d{2}') desc
            ) filter (not is_new) as before,
            any_value(struct_pack(content, amount, is_deleted, merged_into, is_changed))
                filter (outcome = 'accepted') as now,
            list(distinct file) filter (is_new) as files
        from records
        group by raw_table, side, thing, version
    )
    select
        *,
        case
            when now.is_changed then 'corrected'
            when before.is_conflict then 'conflict'
            when now.is_deleted then 'deleted'
            when raw_table = 'customers' and now.merged_into is distinct from before.merged_into
                then 'merged'
            when before is not null then 'corrected'
            when raw_table = 'refunds' then 'refunded'
            else 'late'
        end as kind,
        case when now.is_deleted then 0 else now.amount end
        - case when coalesce(before.is_deleted, true) then 0 else before.amount end as difference
    from states
    where
        now.content is distinct from before.content
        -- What nobody has seen has not been deleted.
        and not (before is null and now.is_deleted)
"""
# A subscription's new version repeats what older ones said: only its own moments are news. A new
# merge concerns all days of the accounts, and a rate all days until the next rate.
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
        from changes
        inner join records using (raw_table, version)
        where records.outcome = 'accepted' or not records.is_new
    ),
    of_records as (
        select told.* exclude (first_moment, thing)
        from told
        left join told_before
            on
                told.raw_table = 'subscriptions' and told.thing = told_before.thing
                and told.moment = told_before.moment and told.moment <> told.first_moment
        where
            told.raw_table not in ('customers', 'exchange_rates')
            and told_before.thing is null and told.moment is not null
    ),
    merged as (
        select changes.*, coalesce(others.account_id, changes.thing) as account_id
        from changes
        left join accounts on changes.thing = accounts.account_id
        left join accounts as others on accounts.owner_id = others.owner_id
        where changes.kind = 'merged'
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
            raw_table, side, kind, version, difference, files, account_id, paid.moment
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
    left join warehouse.intermediate.int_days_assigned_to_periods as days
        on sided.day = days.date_day
    left join warehouse.intermediate.int_days_assigned_to_periods as cohorts
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
    connection.execute(_FILES)
    connection.execute(_CREATE_RECORDS)
    for raw_table, read in _RAW.items():
        merged_into = "merged_into_customer_id" if raw_table == "customers" else "null"
        connection.execute(
            _RECORDS_OF.format(
                raw_table=raw_table,
                no_content=_NO_CONTENT,
                merged_into=merged_into,
                **read._asdict(),
            )
        )
    connection.execute(_CHANGES)
    connection.execute(_EVENTS.replace("{timezone}", timezone))
    shared = [name for name in segments if _has_attribute(connection, name)]
    pairs = ["{'segment_name': 'all', 'segment_value': 'all'}"]
    pairs += [f"{{'segment_name': '{name}', 'segment_value': {name}}}" for name in shared]
    connection.execute(
        _ATTRIBUTES.format(segments=", ".join([*_DATES, *shared]), pairs=", ".join(pairs))
    )
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
