"""Landing zones of the exports in exports/: as downloaded, and the same rows in the contract."""

import csv
import shutil
from pathlib import Path

import yaml

EXPORTS = sorted(path.parent for path in Path(__file__).parent.glob("exports/*/contract"))
MAPPED = {folder.name for folder in EXPORTS if (folder / "_mapping.yml").exists()}
STAGING = ("stg_orders", "stg_refunds", "stg_customers", "stg_subscription_versions")
# The columns whose ids are kept apart between systems.
IDS = {"order_id", "customer_id", "refund_id", "subscription_id"}
RATES = "currency,rate_date,rate\nJPY,2023-01-01,0.0071\n"


STAGED = ("run", "--select", *(f"+{name}" for name in STAGING))
COUNTED = ("+int_records_aggregated_to_files", "+int_records_aggregated_to_remarks")


def fill(warehouse, write, *command, variables=None):
    """Run a command of dbt on the landing zone that a function writes; by default for staging."""
    shutil.rmtree(warehouse.raw_dir, ignore_errors=True)
    (warehouse.raw_dir / "exchange_rates").mkdir(parents=True)
    (warehouse.raw_dir / "exchange_rates/rates.csv").write_text(RATES, encoding="utf-8")
    write(warehouse.raw_dir)
    for path in warehouse.file.parent.iterdir():
        path.unlink()
    shutil.copy(warehouse.seeded, warehouse.file)
    warehouse.dbt(*(command or (*STAGED, *COUNTED)), variables=variables)


def as_downloaded(raw_dir):
    for folder in EXPORTS:
        copy_export(folder, raw_dir)


def copy_export(folder, raw_dir):
    shutil.copytree(folder, raw_dir / folder.name, ignore=shutil.ignore_patterns("contract"))


def as_contract(raw_dir):
    for folder in EXPORTS:
        mapping = folder / "_mapping.yml"
        has_own = mapping.exists() and "id_prefix" in yaml.safe_load(mapping.read_text("utf-8"))
        prefix = "" if has_own else f"{folder.name}:"
        for path in (folder / "contract").glob("*/*.csv"):
            with path.open(encoding="utf-8", newline="") as lines:
                rows = list(csv.DictReader(lines))
            for row in rows:
                row.update({name: prefix + row[name] for name in IDS & set(row) if row[name]})
            target = raw_dir / path.relative_to(folder / "contract")
            target.parent.mkdir(exist_ok=True)
            with target.open("w", encoding="utf-8", newline="") as lines:
                writer = csv.DictWriter(lines, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
