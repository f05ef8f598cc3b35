"""Maximum likelihood that gives a reason when the data have no answer.

The rate of an exponential waiting time, from 200 customers who waited 100 in total. The
log-likelihood is 200 log(rate) - 100 rate, so the rate is 2:

>>> def log_likelihood(parameters):
...     [rate] = parameters
...     return 200 * np.log(rate) - 100 * rate, np.array([200 / rate - 100])
>>> found = maximize(log_likelihood, start={"rate": 1.0}, customers=200)
>>> found.converged, round(found.parameters["rate"], 6), round(found.log_likelihood, 3)
(True, 2.0, -61.371)

Nobody has come back yet, so the likelihood rises as the rate falls:

>>> found = maximize(lambda p: (-p[0], np.array([-1.0])), {"rate": 1.0}, customers=200)
>>> found.reason.split(". ")[0]
'no best fit: the smaller rate gets, the better it fits'
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize

# With fewer, even data that the model itself made often have their maximum at infinity.
MINIMUM_CUSTOMERS = 50

# Data with at least twice as many rows are fitted in two steps, first on about so many rows.
FIRST_ROWS = 20_000

# The largest distance of a parameter's logarithm from its start. Beyond it, the parameter runs to 0
# or infinity.
FARTHEST = np.log(1e5)

# The largest standard error of a parameter's logarithm (by a factor of 20,000 either way).
WIDEST = 10

# At a maximum the next Newton step moves no logarithm by more than this.
LONGEST_LAST_STEP = 0.01

# What is missing where the data have no answer, and what to do.
ADVICE = "Customers are too few, too much alike, or known for too short a time. Wait for more data"


class Fit(NamedTuple):
    """The parameters that a fit found, or the reason why it found none.

    `customers` is the number of customers whose data were used: the sum of their weights. If
    `converged`, there are `parameters` by name, in the units of the data, and `log_likelihood`,
    and `reason` is None. Otherwise there is only a `reason`. Data that are simpler than the model
    converge with a `reason`, which says what is so simple.
    """

    customers: float
    converged: bool
    reason: str | None = None
    parameters: dict[str, float] | None = None
    log_likelihood: float | None = None

    @classmethod
    def failed(cls, customers: float, reason: str) -> Self:
        """Return a fit without parameters."""
        return cls(float(customers), converged=False, reason=reason)

    @classmethod
    def too_few(cls, customers: float, who: str) -> Self:
        """Return the fit of fewer than MINIMUM_CUSTOMERS customers; `who` says which ones count."""
        return cls.failed(
            customers,
            f"too few {who}: {customers:g}, at least {MINIMUM_CUSTOMERS} are needed."
            " Wait for more data",
        )


def counts(values: ArrayLike) -> np.ndarray:
    """Return numbers of customers as floats. Raises ValueError if one is negative or not finite."""
    values = np.asarray(values, dtype=float)
    if not np.all((values >= 0) & np.isfinite(values)):
        raise ValueError("numbers of customers must be finite and not negative")
    return values


def thinning(rows: int) -> int:
    """Return the step between the rows that a first fit uses: 0 or 1 means that all rows are used.

    The maximum of some ten thousand rows is near the maximum of a million rows. A fit to all rows
    that starts there takes a few steps.
    """
    return rows // FIRST_ROWS


def maximize(
    log_likelihood: Callable[[np.ndarray], tuple[float, np.ndarray]],
    start: Mapping[str, float],
    customers: float,
) -> Fit:
    """Find the positive parameters, by name, at which `log_likelihood` is highest.

    `log_likelihood` takes the parameters as an array in the order of `start` and returns its value
    and its gradient. A Newton method with a trust region (Conn, Gould and Toint, "Trust-Region
    Methods", 2000, chapter 7) works on the logarithms of the parameters: a start that is in the
    units of the data makes it blind to them.

    The fit has not converged, and has a reason, in three cases: a parameter runs to 0 or infinity,
    the likelihood is flat in some direction, or the optimiser stops where there is no maximum.
    """
    names = list(start)
    origin = np.log([start[name] for name in names])

    def loss(logs: np.ndarray) -> tuple[float, np.ndarray]:
        parameters = np.exp(logs)
        value, gradient = log_likelihood(parameters)
        return -value / customers, -gradient * parameters / customers

    def curvature(logs: np.ndarray, difference: float = 1e-5) -> np.ndarray:
        columns = [
            (loss(logs + offset)[1] - loss(logs - offset)[1]) / (2 * difference)
            for offset in difference * np.eye(len(logs))
        ]
        return (np.array(columns) + np.transpose(columns)) / 2

    def stop_far_away(logs: np.ndarray) -> None:
        # The optimiser would go on to infinity, which takes many times as long as a fit.
        if np.abs(logs - origin).max() > FARTHEST:
            raise StopIteration

    found = minimize(
        loss,
        origin,
        jac=True,
        hess=curvature,
        method="trust-exact",
        callback=stop_far_away,
        options={"gtol": 1e-8, "max_trust_radius": 2.0},
    )
    distance = found.x - origin
    farthest = np.argmax(np.abs(distance))
    if abs(distance[farthest]) > FARTHEST:
        way = "larger" if distance[farthest] > 0 else "smaller"
        return Fit.failed(
            customers,
            f"no best fit: the {way} {names[farthest]} gets, the better it fits. {ADVICE}",
        )
    curvatures, directions = np.linalg.eigh(curvature(found.x))
    if customers * curvatures[0] * WIDEST**2 < 1:
        name = names[np.argmax(np.abs(directions[:, 0]))]
        return Fit.failed(
            customers, f"no best fit: many values of {name} fit equally well. {ADVICE}"
        )
    slope = loss(found.x)[1]
    last_step = -directions @ (directions.T @ slope / curvatures)
    if np.abs(last_step).max() > LONGEST_LAST_STEP:
        return Fit.failed(
            customers,
            f"no best fit: the search stopped before it found one ({found.message})."
            " This is a fault of Tenure: please report it",
        )
    parameters = np.exp(found.x + last_step)
    return Fit(
        float(customers),
        converged=True,
        parameters=dict(zip(names, parameters.tolist(), strict=True)),
        log_likelihood=float(log_likelihood(parameters)[0]),
    )
