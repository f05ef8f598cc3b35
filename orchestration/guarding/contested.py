"""Guards of records that staging had to choose between without proof, and of ids that look alike.

Staging keeps one record of each key in force. Where nothing proves that this record is the newest
one, money may be missing from the marts, and only the source can tell.
"""

from collections.abc import Sequence

from orchestration.guarding.findings import Finding, Row, severity_of
from orchestration.guarding.thresholds import Limits
from orchestration.words import first_few_names

_SHOWN_NAMES = 3

# One row per raw table and pair of files: how many records of `file` lost against `kept_file`.
CONTESTED = """
    select
        table_name, file, kept_file, superseded_reason like 'conflict:%' as is_conflict,
        count(*) as records, sum(amount) as amount
    from staging.stg_conflicting_records
    group by all
    order by all
"""
LOOKALIKES = "select * from staging.stg_lookalike_ids order by all"


def conflicts(limits: Limits, contested: Sequence[Row]) -> Finding:
    """Judge the records between which nothing decides; `contested` is CONTESTED of one table."""
    found = [row for row in contested if row["is_conflict"]]
    records = sum(row["records"] for row in found)
    if not records:
        return None, "no two records of one key between which nothing decides", {"records": 0}
    amount = sum(row["amount"] or 0 for row in found)
    message = (
        f"{_counted(records, 'record')} (amount {amount:,.2f}) left out: another record has the"
        f" same key and other content, and nothing tells which is newer: {_pairs(found)}"
    )
    severity = severity_of(limits, lambda most: records > most)
    return severity, message, {"records": records, "amount": float(amount)}


def undated_versions(limits: Limits, contested: Sequence[Row]) -> Finding:
    """Judge the records without updated_at that lost against one that has it."""
    found = [row for row in contested if not row["is_conflict"]]
    records = sum(row["records"] for row in found)
    if not records:
        return None, "no record without updated_at lost against one that has it", {"records": 0}
    message = (
        f"{_counted(records, 'record')} without updated_at lost against records that have it,"
        f" and may be newer all the same: {_pairs(found)}"
    )
    severity = severity_of(limits, lambda most: records > most)
    return severity, message, {"records": records}


def lookalike_ids(limits: Limits, ids: Sequence[Row]) -> Finding:
    """Judge ids with and without a trailing .0, and of guests; `ids` is LOOKALIKES of a table."""
    if not ids:
        return None, "no id that is probably another one, or none", {"ids": 0}
    guests = [row for row in ids if not row["plain_in_table"]]
    names = [
        f"{row['column_name']} {row['id']} (without .0 in {row['plain_in_table']})"
        for row in ids
        if row not in guests
    ]
    message = "; ".join(
        [f"orders of guests may have the {row['column_name']} {row['id']}" for row in guests]
        + [
            f"{_counted(len(names), 'id')} with a trailing .0, taken for another id than the same"
            f" without it: {first_few_names(names, _SHOWN_NAMES)}"
        ]
        * bool(names)
    )
    severity = severity_of(limits, lambda most: len(ids) > most)
    return severity, message, {"ids": len(ids)}


def _pairs(contested: Sequence[Row]) -> str:
    names = [f"{row['file']} against {row['kept_file']}" for row in contested]
    return first_few_names(names, _SHOWN_NAMES)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
