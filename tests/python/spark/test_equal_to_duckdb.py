"""Both engines publish the same numbers: the sample, and one of twenty random shops with exports.

Decimals, dates, texts and whole numbers must be equal, doubles to a relative 1e-12. Which shop it
is changes from day to day, and its name is in what the test prints.
"""

from datetime import date

import pytest
import yaml
from builds import build_on_duckdb, build_on_spark, night_on_spark
from conftest import ROOT, SAMPLE
from raw.export_zones import EXPORTS, copy_export
from shops.__main__ import write_random_shop

from comparison.compare import MARTS, compare
from comparison.keys import published_keys

pytestmark = pytest.mark.spark

SHOPS = 20
WEEKS = ("sunday", "monday", "saturday")
# Rates of eight decimals, the first of which makes an amount a cent wrong where products are cut.
RATES = "rate_date,currency,rate\n2000-01-01,USD,0.92208391\n2000-01-01,GBP,1.17000003\n"


def write_shop(folder, number):
    """A random shop with a timezone and policies of its own, and every second one in euros.

    Beside its own records lie exports of other systems, as they were downloaded.
    """
    write_random_shop(folder, number)
    [shop] = folder.glob("random-*")
    # Every fifth export of another system, four in all: other ones with each shop.
    for export in EXPORTS[number % 5 :: 5]:
        copy_export(export, shop / "raw")
    variables = yaml.safe_load((shop / "vars.yml").read_text(encoding="utf-8"))
    variables |= {
        "week_starts_on": WEEKS[number % len(WEEKS)],
        "fiscal_year_starts_in": ("january", "april")[number % 2],
    }
    if number % 2:
        variables["reporting_currency"] = "EUR"
        (shop / "raw/exchange_rates").mkdir(exist_ok=True)
        (shop / "raw/exchange_rates/to_euros.csv").write_text(RATES, encoding="utf-8")
    (shop / "vars.yml").write_text(yaml.safe_dump(variables), encoding="utf-8")
    return shop, variables


def differences(zone, variables, folder):
    """Build a landing zone with both engines, and return what differs, a line each."""
    by_duckdb = build_on_duckdb([zone], folder / "duckdb")[zone.name]
    by_spark = build_on_spark(zone / "raw", folder / "spark", variables)
    return [str(found) for found in compare(by_duckdb, by_spark, published_keys(ROOT))]


def test_a_whole_night_with_its_tests_publishes_the_numbers_of_duckdb(needs_spark, tmp_path):
    zone = tmp_path / "sample"
    zone.mkdir()
    (zone / "raw").symlink_to(SAMPLE)
    by_duckdb = build_on_duckdb([zone], tmp_path / "duckdb")["sample"]
    home = tmp_path / "spark"
    night = night_on_spark(SAMPLE, home)
    assert night.returncode == 0, night.stdout[-5000:] + night.stderr[-5000:]
    published, private = home / "serve/current/tenure.duckdb", home / "build/warehouse.duckdb"
    # What is told of builds is of this build alone.
    others = [schema for schema in MARTS if schema != "meta"]
    assert compare(by_duckdb, published, published_keys(ROOT), schemas=others) == []
    assert compare(by_duckdb, private, published_keys(ROOT), schemas=["meta"]) == []


def test_a_random_shop_is_equal(needs_spark, tmp_path):
    number = date.today().toordinal() % SHOPS
    zone, variables = write_shop(tmp_path, number)
    print(f"{zone.name}: {variables}")
    assert differences(zone, variables, tmp_path) == []


@pytest.mark.torture
@pytest.mark.parametrize("number", range(SHOPS))
def test_every_random_shop_is_equal(needs_spark, tmp_path, number):
    zone, variables = write_shop(tmp_path, number)
    assert differences(zone, variables, tmp_path) == []
