"""What customers reach on their way: a login, a rating, an invitation, a review.

Each customer has a stream of chance of its own for this, which moves no purchase. Subscribers who
stay rate their first coffee early more often. So a comparison must find a difference, although no
rating ever kept anybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from shop.chance import Dice
from shop.days import AS_OF
from shop.people import Shopper
from shop.tables import Row, Value, moment_of

LONG_STAY = timedelta(days=90)
# Share of those who rate within a week.
RATES_EARLY = {True: 0.74, False: 0.4}
EARLY = 7.0
LOGS_IN = {"subscriber": 0.95, "buyer": 0.5}
REVIEWS = {"often": 0.36, "seldom": 0.15}
OFTEN = 3
AGAIN = 0.02


def milestones_of(
    person: Shopper, ordered: Sequence[datetime], subscriptions: Sequence[Row]
) -> list[Row]:
    """Return what one customer reached before the data end; a few reach something twice."""
    dice = Dice(person.customer_id, "milestones")
    begin = min([*ordered, *(moment_of(row, "started_at") for row in subscriptions)])
    reached = list(login_and_after(dice, begin, subscriptions))
    if ordered and dice.chance(REVIEWS["often" if len(ordered) >= OFTEN else "seldom"]):
        reached.append(("first_review", later(ordered[0], 2.0 + dice.gamma(1.5, 6.0))))
    reached += [
        (name, later(moment, 1.0 + dice.exponential(60.0)))
        for name, moment in reached
        if dice.chance(AGAIN)
    ]
    return [
        {"customer_id": person.customer_id, "milestone": name, "reached_at": moment}
        for name, moment in reached
        if moment < AS_OF
    ]


def login_and_after(
    dice: Dice, begin: datetime, subscriptions: Sequence[Row]
) -> Iterator[tuple[str, datetime]]:
    """Yield the first login, and what a subscriber reaches after it and before leaving."""
    if not dice.chance(LOGS_IN["subscriber" if subscriptions else "buyer"]):
        return
    login = later(begin, dice.exponential(0.4))
    yield "first_login", login
    if not subscriptions:
        return
    left_at = end_of(subscriptions)
    # Whether a young subscriber will stay is not known yet.
    is_young = left_at is None and AS_OF - begin < LONG_STAY
    stays = dice.chance(0.75) if is_young else (left_at or AS_OF) - begin >= LONG_STAY
    if dice.chance(RATES_EARLY[stays]):
        rated = max(later(begin, EARLY * dice.unit() ** 1.5), later(login, 0.01))
    elif dice.chance(0.5):
        rated = later(begin, EARLY + 1.0 + dice.exponential(20.0))
    else:
        return
    invited = later(rated, 0.5 + dice.exponential(25.0))
    for name, moment in (("first_rating", rated), ("invited_a_friend", invited)):
        if left_at and moment >= left_at:
            return
        yield name, moment
        if not dice.chance(0.3):
            return


def end_of(subscriptions: Sequence[Row]) -> datetime | None:
    """Return when the last one of these subscriptions ends, None while one of them runs."""
    last = {row["subscription_id"]: row for row in subscriptions}
    ends: list[Value] = [
        row.get("ended_at")
        or (row["current_period_ends_at"] if row["status"] == "canceled" else None)
        for row in last.values()
    ]
    known = [end for end in ends if isinstance(end, datetime)]
    return max(known) if len(known) == len(ends) else None


def later(moment: datetime, days: float) -> datetime:
    """Return the moment some days later, to the second."""
    return moment + timedelta(seconds=int(days * 86400.0))
