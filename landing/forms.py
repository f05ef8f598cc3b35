"""The forms in which texts are times and amounts, told from examples."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

# The two forms with a name in _mapping.yml.
ISO, EPOCH = "iso", "epoch"

_ISO = re.compile(
    r"(?:19|[2-9]\d)\d\d-\d\d-\d\d"
    r"(?P<time>[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?P<zone>Z|z| UTC| ?[+-]\d\d(?::?\d\d)?)?)?"
)
# from 2001 to 2096, in seconds or milliseconds
_EPOCH = re.compile(r"[1-3]\d{9}(\d{3})?(\.0*)?")
_CLOCK = r"(?:(?P<gap>,? +|T)(?P<hour>\d{1,2}):\d\d(?P<second>:\d\d)?(?P<half> ?[AaPp][Mm])?)?"
_NUMBERS = re.compile(
    r"(?P<first>\d{1,2})(?P<sign>[./-])(?P<second_part>\d{1,2})(?P=sign)(?P<year>\d{4}|\d\d)"
    + _CLOCK
)
_YEAR_FIRST = re.compile(r"\d{4}(?P<sign>[./])\d{1,2}(?P=sign)\d{1,2}" + _CLOCK)
_DAY_MONTH = re.compile(r"\d{1,2}(?P<sign>[ -])(?P<month>[A-Za-z]{3,9})(?P=sign)\d{4}" + _CLOCK)
_MONTH_DAY = re.compile(r"(?P<month>[A-Za-z]{3,9}) \d{1,2},? \d{4}" + _CLOCK)

_AMOUNT = re.compile(r"[(-]?\s*[^\d\s.,()-]{0,3}\s*-?[\d.,\s\xa0']*\d\s*[^\d\s.,()-]{0,3}\)?")


@dataclass(frozen=True)
class Times:
    """The forms of a column of times. `undecided`: the day may come before the month, or after."""

    forms: list[str]
    undecided: bool = False


def label_of(text: str) -> str:
    """Return in a few words which form a text has as a time; '' if it is none."""
    if found := _ISO.fullmatch(text):
        if not found["time"]:
            return "YYYY-MM-DD"
        if not found["zone"]:
            return "ISO without a zone"
        return "ISO in UTC" if found["zone"].strip() in ("Z", "z", "UTC") else "ISO with an offset"
    if _EPOCH.fullmatch(text):
        return "seconds since 1970"
    forms = _forms(text)
    return forms[0] if forms else ""


def times_of(texts: Iterable[str]) -> Times | None:
    """Return the forms of a column of times; None if a text is no time, or if there is no text."""
    forms: set[str] = set()
    firsts, seconds = {0}, {0}
    empty = True
    for text in texts:
        empty = False
        if _ISO.fullmatch(text):
            forms.add(ISO)
        elif _EPOCH.fullmatch(text):
            forms.add(EPOCH)
        elif found := _forms(text):
            forms.add(found[0])
            if parts := _NUMBERS.fullmatch(text):
                firsts.add(int(parts["first"]))
                seconds.add(int(parts["second_part"]))
        else:
            return None
    if empty:
        return None
    # a day above 12 says which part is the day
    slashed = any(form.startswith(("%m/", "%m-")) for form in forms)
    if slashed and max(firsts) > 12:
        forms = {re.sub("^%m([/-])%d", r"%d\1%m", form) for form in forms}
    return Times(sorted(forms), slashed and max(firsts) <= 12 and max(seconds) <= 12)


def has_clock(times: Times) -> bool:
    """Tell whether one of the forms has an hour."""
    return any(form in (ISO, EPOCH) or re.search("%[HI]", form) for form in times.forms)


def are_amounts(texts: Iterable[str]) -> bool:
    """Tell whether all texts look like amounts, in any form: -$1,234.50, (4,00 EUR), 12."""
    texts = list(texts)
    return bool(texts) and all(_AMOUNT.fullmatch(text) for text in texts)


def has_decimal_comma(texts: Iterable[str]) -> bool:
    """Tell whether amounts have a comma before their last one or two digits, and no such point."""
    texts = [re.sub(r"[^\d.,]", "", text) for text in texts]
    commas = sum(bool(re.search(r",\d{1,2}$", text)) for text in texts)
    points = sum(bool(re.search(r"\.\d{1,2}$", text)) for text in texts)
    return commas > points


def currency_signs(texts: Iterable[str]) -> set[str]:
    """Return the signs and codes that stand beside amounts."""
    return {sign for text in texts for sign in re.findall(r"[$€£¥]|[A-Z]{3}", text)}


def _forms(text: str) -> list[str]:
    """Return the forms of strptime that a text may have, the likelier one first."""
    if found := _NUMBERS.fullmatch(text):
        sign = found["sign"]
        first, second = int(found["first"]), int(found["second_part"])
        year = "%Y" if len(found["year"]) == 4 else "%y"
        orders = []
        if second <= 31 and first <= 12 and sign != ".":
            orders.append(f"%m{sign}%d{sign}{year}")
        if first <= 31 and second <= 12:
            orders.append(f"%d{sign}%m{sign}{year}")
        return [order + _clock(found) for order in orders]
    if found := _YEAR_FIRST.fullmatch(text):
        return [f"%Y{found['sign']}%m{found['sign']}%d" + _clock(found)]
    if found := _DAY_MONTH.fullmatch(text):
        return [f"%d{found['sign']}{_month(found)}{found['sign']}%Y" + _clock(found)]
    if found := _MONTH_DAY.fullmatch(text):
        comma = "," if re.match(r"[A-Za-z]+ \d+,", text) else ""
        return [f"{_month(found)} %d{comma} %Y" + _clock(found)]
    return []


def _month(found: re.Match[str]) -> str:
    return "%b" if len(found["month"]) == 3 else "%B"


def _clock(found: re.Match[str]) -> str:
    if not found["hour"]:
        return ""
    # the engine takes one blank for several
    gap = found["gap"] if found["gap"].startswith((",", "T")) else " "
    second = ":%S" if found["second"] else ""
    if not found["half"]:
        return f"{gap}%H:%M{second}"
    return f"{gap}%I:%M{second}{' ' if found['half'][0] == ' ' else ''}%p"
