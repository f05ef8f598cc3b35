"""Values that chance draws for both engines: half of them are those that engines take in two ways.

Exact halves of a cent, the last days of months and years, leap days, hours that a clock has twice
or never, negative and huge numbers, texts with a sign too many.
"""

import random
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

VALUES = 5_000
UNITS = ("day", "week", "month", "year")
# Midnights that come twice or never, half hours, a day that was left out, summer in January.
ZONES = (
    *("UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Pacific/Auckland"),
    *("America/Havana", "America/Sao_Paulo", "Asia/Beirut", "Pacific/Apia", "Africa/Casablanca"),
)


def drawn(draw):
    """A table of pyarrow with so many rows of one of the functions below."""
    import pyarrow

    types = {
        "amount": pyarrow.decimal128(18, 4),
        "rate": pyarrow.decimal128(18, 8),
        "half": pyarrow.decimal128(18, 4),
        "total": pyarrow.decimal128(18, 2),
    }
    chance = random.Random(draw.__name__)
    rows = [draw(chance, number) for number in range(VALUES)]
    return pyarrow.table(
        {name: pyarrow.array([row[name] for row in rows], types.get(name)) for name in rows[0]}
    )


def decimal_of(chance, digits, decimals):
    """A decimal of up to so many digits before the point; most have few."""
    whole = chance.randrange(10 ** min(digits, chance.choice((0, 1, 2, 3, 4, 6, digits))))
    return Decimal(whole) + Decimal(chance.randrange(10**decimals)).scaleb(-decimals)


def money(chance, number):
    """An amount, a rate, a count of intervals, and a number that may be an exact half cent."""
    amount = decimal_of(chance, 13, chance.choice((0, 1, 2, 4)))
    rate = chance.choice((Decimal(1), decimal_of(chance, 1, 8), decimal_of(chance, 0, 8)))
    half = decimal_of(chance, 11, 2) + Decimal("0.005")
    if chance.random() < 0.3:
        # The product is an exact half of a cent, and one of its factors has many digits.
        rate = chance.choice(
            (Decimal("0.5"), Decimal("0.25"), Decimal("1.5"), Decimal("0.00000005"))
        )
        amount = chance.choice((half * 2, half, Decimal(100000) * chance.randrange(1, 10**6)))
    sign = chance.choice((1, 1, -1))
    return {
        "id": number,
        "amount": sign * amount,
        "rate": rate,
        "half": sign * half,
        "intervals": chance.choice((1, 1, 2, 3, 6, 12, 13, 24)),
        "unit": chance.choice(UNITS),
        "number": float(sign * chance.choice((half, amount * rate, amount / 7))),
        "share": chance.random(),
    }


def days(chance, number):
    """Two days, a moment, and a number of days or months."""
    day = date(chance.randrange(1990, 2035), 1, 1) + timedelta(chance.randrange(365))
    year = chance.randrange(1990, 2035)
    month = chance.randrange(1, 13)
    edges = (
        *(date(year, 12, 31), date(year, 1, 1), date(year // 4 * 4, 2, 29)),
        date(year + month // 12, month % 12 + 1, 1) - timedelta(1),
        date(year, month, 1),
    )
    other = day + timedelta(chance.randrange(-400, 400))
    moment = datetime.combine(chance.choice((day, *edges)), time(chance.randrange(24)))
    moment += timedelta(microseconds=chance.choice((0, 1, 500_000, 999_999, 59_999_999)))
    return {
        "id": number,
        "day": chance.choice((day, *edges)),
        "other_day": chance.choice((other, *edges)),
        "moment": chance.choice((moment, near_a_change(chance, year))),
        "other_moment": moment + timedelta(seconds=chance.randrange(-(10**6), 10**6)),
        "number": chance.choice((0, 1, -1, 12, 13, -13, chance.randrange(-1000, 1000))),
    }


def near_a_change(chance, year):
    """A moment, in UTC, within three hours of one at which the clock of some zone is changed."""
    zone = ZoneInfo(chance.choice(ZONES))
    moments = [datetime(year, 1, 1) + timedelta(hours=6 * quarter) for quarter in range(1460)]
    offsets = [
        moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone).utcoffset() for moment in moments
    ]
    changes = [
        moment
        for moment, before, after in zip(moments, offsets, offsets[1:], strict=False)
        if before != after
    ]
    change = chance.choice(changes or moments)
    return change + timedelta(seconds=chance.randrange(-10_800, 32_400))


def texts(chance, number):
    """A text as raw files have them: a value in one of the forms, some with a sign too many."""
    sign, point = chance.choice(("", "", "-", "+")), chance.choice((".", ".", ".", ",", ""))
    moment = datetime(chance.randrange(1890, 2110), 1, 1) + timedelta(
        seconds=chance.randrange(10**8)
    )
    offset = chance.choice(("", "Z", "z", " UTC", "+02", "-0330", " +05:30", "+14:00", "+15:00"))
    second = chance.choice(("", ":07", ":07.5", ":59.123456", ":00.123456789", ":60"))
    digits = chance.randrange(1, 19)
    nines = "9" * chance.randrange(1, 16)
    text = chance.choice(
        (
            f"{sign}{chance.randrange(10**digits)}",
            f"{sign}{chance.randrange(10**digits)}{point}{chance.randrange(10**4)}",
            f"{sign}{chance.randrange(10**6)}.{chance.randrange(10 ** chance.randrange(1, 25))}",
            f"{sign}{chance.randrange(10**3)}.{chance.randrange(10**4):04}5",
            f"{sign}{nines}.{nines}",
            f"{chance.randrange(10**3)}.{'0' * chance.randrange(1, 4)}",
            f"{moment:%Y-%m-%d}",
            f"{moment.year}-{chance.randrange(14):02}-{chance.randrange(33):02}",
            f"{moment:%Y-%m-%d}{chance.choice('T ')}{moment:%H:%M}{second}{offset}",
            f"orders/{moment:%Y-%m-%d}-{chance.randrange(10)}.csv",
            chance.choice(("true", "False", "TRUE", "0", "1", "yes", "null", "N/A", "\\N", "NaN")),
            chance.choice(("1e3", "1.5E+7", "infinity", "1_000", "'7", "'007", "''7", "")),
            chance.choice(("a\tb", "é", "x" * 255, "x" * 256, "7.0\n", "2024-01-01\n", "١٢")),
        )
    )
    if chance.random() < 0.1 and text:
        place = chance.randrange(len(text))
        text = text[:place] + chance.choice("0 -.\nZ\u00a0'x") + text[place + 1 :]
    return {"id": number, "word": text, "other_word": chance.choice(("a", "B", "é", "z", text))}


def groups(chance, number):
    """A value in one of fifty groups, with a place in it."""
    return {
        "id": number,
        "part": chance.randrange(50),
        "word": chance.choice((None, "basic", "Extra", "é", "a, b", "plan " + str(number % 7))),
        "amount": chance.choice((None, Decimal(chance.randrange(-(10**7), 10**9)).scaleb(-2))),
        "first": chance.randrange(5),
    }


def counts(chance, number):
    """Counts of two groups, and moments of values in them."""
    ones, twos = chance.choice((0, 1, 2, 9, 50, 10**6)), chance.choice((0, 1, 3, 10, 10**5))
    return {
        "id": number,
        "bought": chance.choice((0, ones, chance.randrange(ones + 1))),
        "ones": ones,
        "others_bought": chance.choice((0, twos, chance.randrange(twos + 1))),
        "twos": twos,
        "variance": chance.choice((1e-9, 1e9, chance.random())),
        "survival": chance.choice((1e-12, 1 - 1e-12, chance.random() * 0.98 + 0.01)),
        "error": chance.random() / 10,
        "total": Decimal(chance.randrange(10**9)).scaleb(-2),
    }
