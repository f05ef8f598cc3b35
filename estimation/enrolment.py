"""Who is enrolled in which play: a step of plays in which each result depends on the last.

A customer is in at most one play. Each trigger finds the customer free, or not, and that depends on
all that came before it. SQL has no such walk without recursion.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

# Days of one customer never reach those of the next one in a joint number: a million days each.
_DAYS_OF_A_CUSTOMER = 1_000_000
_NEVER = np.iinfo(np.int64).max
_YEAR = 365


class Enrolments(NamedTuple):
    """The triggers that enrolled, by their place in the input, and the day on which each leaves."""

    places: Integers
    leaves: Integers
    is_outranked: NDArray[np.bool_]


class _Stays(NamedTuple):
    """Times in plays that come first, sorted: `start` and `end` are joint numbers."""

    start: Integers
    end: Integers


def enrol(
    customer: Integers,
    priority: Integers,
    day: Integers,
    leaves: Integers,
    rules: dict[int, tuple[int, int | None]],
) -> Enrolments:
    """Return the triggers that enrol their customers.

    Each trigger is a customer's number (from 0), the priority of a play (1 comes first), the day,
    and the day after it on which the customer would leave: days from 0 to 999,999. `rules` has for
    each priority the days to wait after leaving, and how often a customer is enrolled within any
    365 days (None: as often as it happens). No play has two triggers of a customer on one day.

    A play of a higher priority takes customers out of the others, and while it has them, no other
    play takes them. So plays are worked through in the order of their priority.
    """
    places = np.empty(0, np.int64)
    ends = np.empty(0, np.int64)
    is_outranked = np.empty(0, np.bool_)
    stays = _Stays(np.empty(0, np.int64), np.empty(0, np.int64))
    # The joint number of customer and day: one sorted array serves all customers at once.
    moment = customer * _DAYS_OF_A_CUSTOMER + day
    for play in sorted(rules):
        mine = np.flatnonzero(priority == play)
        mine = mine[np.argsort(moment[mine])]
        start, end = moment[mine], moment[mine] - day[mine] + leaves[mine]
        # The stay that began last, and the next one. The next one may be another customer's.
        following = np.searchsorted(stays.start, start, side="right")
        is_free = np.append(stays.end, 0)[following - 1] <= start
        next_start = np.append(stays.start, _NEVER)[following]
        is_cut = next_start < end
        end = np.minimum(end, next_start)
        mine, start, end, is_cut = (values[is_free] for values in (mine, start, end, is_cut))
        chosen = _walk(start, end, *rules[play])
        places = np.append(places, mine[chosen])
        ends = np.append(ends, end[chosen] % _DAYS_OF_A_CUSTOMER)
        is_outranked = np.append(is_outranked, is_cut[chosen])
        start, end = np.append(stays.start, start[chosen]), np.append(stays.end, end[chosen])
        order = np.argsort(start)
        stays = _Stays(start[order], end[order])
    return Enrolments(places, ends, is_outranked)


def _walk(start: Integers, end: Integers, cooldown: int, most: int | None) -> Integers:
    """Return the places of the triggers of one play that enrol, when no other play is in the way.

    `start` and `end` are joint numbers; `start` is sorted. All customers take a step at a time:
    from an enrolment to the first trigger after its end and the days to wait.
    """
    of_customer = start // _DAYS_OF_A_CUSTOMER
    at = np.flatnonzero(np.diff(of_customer, prepend=-1))
    chosen, earlier = [at], []
    while at.size:
        earlier.append(start[at])
        free_from = end[at] + cooldown
        if most is not None and len(earlier) >= most:
            free_from = np.maximum(free_from, earlier[-most] + _YEAR)
        following = np.searchsorted(start, free_from)
        goes_on = following < start.size
        goes_on[goes_on] = of_customer[following[goes_on]] == of_customer[at[goes_on]]
        at = following[goes_on]
        earlier = [starts[goes_on] for starts in earlier[-(most or 1) :]]
        chosen.append(at)
    return np.concatenate(chosen)
