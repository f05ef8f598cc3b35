"""The one strict cast: texts to values, NULL where a text is not of the form, and remarks."""

from datetime import datetime
from decimal import Decimal
from types import SimpleNamespace

import duckdb
import pytest

from macros import macros

D = Decimal
ROUNDED = "x is rounded to four decimals"
UNREADABLE = "x cannot be read and is left empty"
WITHOUT_ZERO = "x was written as a number with .0"
WITHOUT_APOSTROPHE = "x was written with an apostrophe before it"

DECIMALS = {
    "24.90": (D("24.9"), None),
    "-0.5": (D("-0.5"), None),
    "-0": (D("0"), None),
    "7.0": (D("7"), None),
    "0012.50": (D("12.5"), None),
    "12345678901234.1234": (D("12345678901234.1234"), None),
    # decimal(38, 9), as dlt writes every number
    "24.900000000": (D("24.9"), None),
    "-24.900000000": (D("-24.9"), None),
    "12345678901234.900000000": (D("12345678901234.9"), None),
    # what float arithmetic leaves
    "15.249999999999998": (D("15.25"), None),
    "0.30000000000000004": (D("0.3"), None),
    "5.9399999999999995": (D("5.94"), None),
    "-15.249999999999998": (D("-15.25"), None),
    "0.0000000000001": (D("0"), None),
    "99.999999999999999999999999999999": (D("100"), None),
    "10.123400001": (D("10.1234"), None),
    # half a unit of the fourth decimal goes away from zero
    "10.12345": (D("10.1235"), ROUNDED),
    "10.12344": (D("10.1234"), ROUNDED),
    "10.123449999999999999999999": (D("10.1234"), ROUNDED),
    "-10.12345": (D("-10.1235"), ROUNDED),
    "0.00005": (D("0.0001"), ROUNDED),
    "0.00004": (D("0"), ROUNDED),
    "0.000000002": (D("0"), ROUNDED),
    "99999999999999.99994": (D("99999999999999.9999"), ROUNDED),
    # not of the form
    "99999999999999.99995": None,
    "123456789012345": None,
    "123456789012345.5": None,
    "1.23456789E7": None,
    "1e3": None,
    "1_000": None,
    "1,000.00": None,
    "10,50": None,
    "$10.50": None,
    "+5": None,
    ".5": None,
    "5.": None,
    "infinity": None,
    "NaN": None,
    "-": None,
    "١٢": None,
}

IDENTIFIERS = {
    "7": ("7", None),
    "7.0": ("7", WITHOUT_ZERO),
    "0.0": ("0", WITHOUT_ZERO),
    "7770000000000.0": ("7770000000000", WITHOUT_ZERO),
    "123456789012345.0": ("123456789012345", WITHOUT_ZERO),
    # a float of 16 digits may have lost the last one, so nothing is certain
    "9007199254740993.0": ("9007199254740993.0", None),
    "7.00": ("7.00", None),
    "7.5": ("7.5", None),
    "v1.0": ("v1.0", None),
    "007": ("007", None),
    "'7770000000000": ("7770000000000", WITHOUT_APOSTROPHE),
    "'007": ("007", WITHOUT_APOSTROPHE),
    "'abc": ("'abc", None),
    "''7": ("''7", None),
    "o'neil": ("o'neil", None),
    "1.2345678901234568e+18": None,
    "1.23E+17": None,
    "1E+17": None,
    "1e17": ("1e17", None),
    "null": None,
    "None": None,
    "NaN": None,
    "N/A": None,
    "\\N": None,
    "x" * 255: ("x" * 255, None),
    "x" * 256: None,
    "a\tb": None,
}

OTHERS = [
    ("integer", "3.0", 3),
    ("integer", "3.5", None),
    ("integer", "-3", -3),
    ("integer", "1234567890123456789", None),
    ("rate", "1.08", D("1.08")),
    ("rate", "1.080000000000000001", D("1.08")),
    ("rate", "0.123456785", D("0.12345679")),
    ("rate", "-1", None),
    ("rate", "9999999999.999999999", None),
    ("boolean", "True", True),
    ("boolean", "0", False),
    # by Postgres
    ("boolean", "t", True),
    ("boolean", "f", False),
    ("boolean", "yes", None),
    # half past nine in Berlin, by the ways in which loaders write it
    ("timestamp", "2024-07-01T07:30:00Z", datetime(2024, 7, 1, 7, 30)),
    ("timestamp", "2024-07-01 09:30:00+02", datetime(2024, 7, 1, 7, 30)),
    ("timestamp", "2024-07-01T09:30:00.000+0200", datetime(2024, 7, 1, 7, 30)),
    ("timestamp", "2024-07-01 09:30:00 +02:00", datetime(2024, 7, 1, 7, 30)),
    ("timestamp", "2024-07-01 07:30:00 UTC", datetime(2024, 7, 1, 7, 30)),
    ("timestamp", "2024-07-01T09:30+02:00", datetime(2024, 7, 1, 7, 30)),
    ("timestamp", "2024-07-01 07:30:00", datetime(2024, 7, 1, 7, 30)),
    ("timestamp", "2024-07-01 07:30:00.123456789", datetime(2024, 7, 1, 7, 30, 0, 123456)),
    ("timestamp", "2024/07/01 07:30:00", None),
    ("timestamp", "01.07.2024 07:30", None),
    ("timestamp", "1719819000", None),
    ("timestamp", "infinity", None),
    ("timestamp", "2024-02-30", None),
    ("timestamp", "2024-07-01T24:00:00Z", None),
]


@pytest.fixture(scope="module")
def sql():
    return macros()


@pytest.fixture(scope="module")
def session():
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        yield connection


def cast(session, sql, text, data_type):
    """The value of a text, and what is said of it, if its column may be left out."""
    column = SimpleNamespace(
        name="x",
        data_type=data_type,
        config=SimpleNamespace(meta=SimpleNamespace(droppable=data_type == "decimal")),
    )
    return session.execute(
        f"select x, {sql.contract_remarks([column])} from (select x_text,"
        f" {sql.cast_text('x_text', data_type)} as x, null::varchar as mapping_remark"
        " from (select $1::varchar as x_text))",
        [text],
    ).fetchone()


@pytest.mark.parametrize("text", DECIMALS)
def test_decimals(session, sql, text):
    assert cast(session, sql, text, "decimal") == (DECIMALS[text] or (None, UNREADABLE))


@pytest.mark.parametrize("text", IDENTIFIERS)
def test_identifiers(session, sql, text):
    assert cast(session, sql, text, "identifier") == (IDENTIFIERS[text] or (None, None))


@pytest.mark.parametrize(("data_type", "text", "value"), OTHERS)
def test_other_types(session, sql, data_type, text, value):
    assert cast(session, sql, text, data_type) == (value, None)


@pytest.mark.parametrize("decimals", range(12))
def test_every_number_of_decimals_is_rounded_as_python_does(session, sql, decimals):
    texts = [f"{sign}{n * 7919 / 10**decimals:.{decimals}f}" for n in range(200) for sign in "-"]
    texts += [text.lstrip("-") for text in texts]
    found = session.execute(
        f"select {sql.cast_text('x', 'decimal')} from (select unnest($1::varchar[]) as x)", [texts]
    ).fetchall()
    assert found == [(D(text).quantize(D("0.0001"), "ROUND_HALF_UP"),) for text in texts]


NUMBERS = {
    ".": {
        "1234.5": "1234.5",
        "$1,234.56": "1234.56",
        "-$4.00": "-4.00",
        "$-4.00": "-4.00",
        "($4.00)": "-4.00",
        "(4.00)": "-4.00",
        "4.00-": "-4.00",
        "\u22124.00": "-4.00",
        "+4": "4",
        "USD 1,234": "1234",
        "1,234,567.891 USD": "1234567.891",
        "US$12.00": "12.00",
        "kr. 12.50": "12.50",
        "Fr.12.50": "12.50",
        "1'234.50": "1234.50",
        "1\xa0234.50": "1234.50",
        # not of the form: a comma for a point must not become a sign of thousands
        "10,50": "10,50",
        "1,23,456.00": "1,23,456.00",
        "1,2345.00": "1,2345.00",
        "1.234.567": "1.234.567",
        "(4.00": "(4.00",
        "4.00)": "4.00)",
        "--4": "--4",
        "12 apples": "12 apples",
        "1e3": "1e3",
        "$": "$",
        "-": "-",
    },
    ",": {
        "1234,5": "1234.5",
        "1.234,50 €": "1234.50",
        "-1.234.567,89": "-1234567.89",
        "€ 0,05": "0.05",
        "1 234,56": "1234.56",
        "1\u202f234,56\xa0€": "1234.56",
        "12,50 EUR": "12.50",
        "1.000": "1000",
        "5": "5",
        "1,234.56": "1,234.56",
        # the cast would take it as it stands, beside 10.500, which is ten thousand
        "10.50": "10.50 without a decimal comma",
    },
}


@pytest.mark.parametrize(
    ("sign", "text", "plain"),
    [(sign, text, plain) for sign, texts in NUMBERS.items() for text, plain in texts.items()],
)
def test_numbers_as_people_write_them(session, sql, sign, text, plain):
    query = f"select {sql.plain_number('x', sign)} from (select $1::varchar as x)"
    assert session.execute(query, [text]).fetchone() == (plain,)
