"""What new raw files changed: records whose key had another content before.

Records of new files are compared with the records of their keys that stood before. So a record that
is only repeated changes nothing, and a new version of a record is told apart from a late one.
"""

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
# Of a table of a catalog only a hash of its rows is kept. So if one of the last build has changed,
# nothing says which rows are new. Its records are taken for old ones, and what moved by them stays
# unexplained. Otherwise all its records and all their money would be the cause.
_UNCLEAR = """
    create or replace temp table unclear_files as
    select table_name, file
    from warehouse.staging.stg_source_files
    semi join served.meta.source_files using (table_name, file)
    where format = 'table'
"""
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
    anti join unclear_files
        on now.table_name = unclear_files.table_name and now.file = unclear_files.file
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
            list(distinct file) filter (is_new) as files,
            count(*) filter (not is_new) as old_records
        from records
        group by raw_table, side, thing, version
    ),
    of_things as (
        select *, sum(old_records) over (partition by raw_table, thing) > 0 as is_known
        from states
    )
    select
        * exclude (old_records),
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
    from of_things
    where
        now.content is distinct from before.content
        -- What nobody has seen has not been deleted. A version of its own deletes a subscription.
        and (is_known or not now.is_deleted)
"""


def find_changes(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill the temporary tables `records`, `changes` (one row per changed version), `gone_files`.

    `connection` has two DuckDB files attached: `served`, what readers have, and the private
    `warehouse`.
    """
    connection.execute(_UNCLEAR)
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
