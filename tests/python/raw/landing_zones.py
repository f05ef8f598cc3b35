"""Landing zones for tests of the package landing: small files, and layouts of made-up systems."""

import gzip
import json
import os
import shutil
from pathlib import Path

import duckdb
import pytest
from conftest import ROOT

from landing.inventory import inventory

ORDERS = "order_id,customer_id,ordered_at,amount\n1,ada,2024-01-31T09:30:00Z,12.50\n"

LAYOUTS = {
    "shop": """
sources:
  - name: shop
    tables:
      - name: orders
        config: {meta: {table: orders}}
        columns:
          - {name: number, config: {meta: {required: true}}}
          - {name: paid on, config: {meta: {required: true}}}
          - {name: total}
      - name: prices
        config: {meta: {table: subscriptions, is_part: true, absent: [total]}}
        columns:
          - {name: price id, config: {meta: {required: true}}}
      - name: plans
        config: {meta: {table: subscriptions}}
        columns:
          - {name: plan id, config: {meta: {required: true}}}
""",
}

# Forms in which exports write one moment.
FORMS = pytest.mark.parametrize(
    ("form", "time"),
    [
        ("%d.%m.%Y %H:%M", "31.01.2024 13:05"),
        ("%m/%d/%Y %I:%M %p", "1/31/2024 1:05 PM"),
        ("%d/%m/%Y %H:%M", "31/01/2024 13:05"),
        ("%m/%d/%Y %H:%M", "1/31/2024 13:05"),
        ("iso", "2024-01-31 13:05"),
        ("epoch", "1706702700"),
    ],
)


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Write files by their names relative to a folder, and return the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def models(folder: Path, **layouts: str) -> Path:
    """A folder of models with the contract, and a layout for each name."""
    (folder / "staging").mkdir(parents=True)
    shutil.copy(ROOT / "models/staging/_sources.yml", folder / "staging")
    for name, text in layouts.items():
        write(folder, {f"sources/{name}/_{name}.yml": text})
    return folder


def rows(raw_dir: Path, models_dir: Path = ROOT / "models") -> dict[str, dict]:
    """The inventory, by file, with lists instead of JSON."""
    found = inventory(raw_dir, models_dir)
    for row in found:
        for name in ("columns", "names", "heading", "types"):
            row[name] = json.loads(row[name])
    return {row["file"]: row for row in found}


def faults(raw_dir: Path, models_dir: Path = ROOT / "models") -> list[str]:
    """The lines with which the inventory refuses a landing zone; none if it does not."""
    try:
        inventory(raw_dir, models_dir)
    except ValueError as error:
        return str(error).splitlines()
    return []


def zstd(text: str, folder: Path) -> bytes:
    """A text compressed with zstd, which the engine knows and Python does not yet."""
    target = folder / f"{os.urandom(8).hex()}.csv.zst"
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select unnest(string_split(rtrim(?, chr(10)), chr(10))))"
            f" to '{target}' (format csv, header false, quote '', escape '', delim '\x01',"
            " compression zstd)",
            [text],
        )
    content = target.read_bytes()
    target.unlink()
    return content


def parquet(query: str, folder: Path) -> bytes:
    """The Parquet file of a query."""
    target = folder / f"{os.urandom(8).hex()}.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"copy ({query}) to '{target}' (format parquet)")
    content = target.read_bytes()
    target.unlink()
    return content


def gzipped(text: str) -> bytes:
    return gzip.compress(text.encode())
