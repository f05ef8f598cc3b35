"""On which day each contact of a play is due, when a customer is not to get too many in a week."""

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

_WEEK = 7


def due_days(
    customer: Integers, planned: Integers, leaves: Integers, contacts_per_week: int
) -> Integers:
    """Return the day on which each contact is due.

    Each contact is a customer's number, the day by the delays of the play, and the day from which
    the customer is no longer in the play. Contacts of a customer stand together, in the order of
    their planned days. Days count from any day on.

    In any seven days, at most `contacts_per_week` contacts of a customer are due. One that is too
    many waits for the first day on which it is not. If the customer has left by then, the contact
    takes no place in the week, and its day is the one on which it would have been due.
    """
    due = planned.copy()
    # The due days that take a place in a week, from the first place of each customer on.
    taken_days = np.empty_like(planned)
    first = np.flatnonzero(np.diff(customer, prepend=-1))
    contacts = np.diff(np.append(first, customer.size))
    taken = np.zeros_like(first)
    # All customers take a step at a time: each due day depends on those before it.
    rows = np.arange(first.size)
    for turn in range(contacts.max(initial=0)):
        rows = rows[contacts[rows] > turn]
        at = first[rows] + turn
        is_full = taken[rows] >= contacts_per_week
        earlier = first[rows] + np.where(is_full, taken[rows] - contacts_per_week, 0)
        free_from = np.where(is_full, taken_days[earlier] + _WEEK, planned[at])
        due[at] = np.maximum(planned[at], free_from)
        is_in = due[at] < leaves[at]
        taken_days[(first[rows] + taken[rows])[is_in]] = due[at][is_in]
        taken[rows[is_in]] += 1
    return due
