"""BG/NBD and MBG/NBD: how often customers without a contract buy, and whether they still do.

While customers are alive, they buy at a rate that is gamma-distributed over the customers (shape r,
rate alpha). After a purchase a customer may leave, with a probability that is beta-distributed over
the customers (a, b). The two models differ in one point only: whether the first purchase may be the
last. In the BG/NBD it may not, so every customer who bought once is alive.

BG/NBD: Fader, Hardie and Lee, "'Counting Your Customers' the Easy Way: An Alternative to the
Pareto/NBD Model", Marketing Science 24 (2005).
MBG/NBD: Batislam, Denizel and Filiztekin, "Empirical validation and comparison of models for
customer base analysis", International Journal of Research in Marketing 24 (2007), with the erratum
by Wagner and Hoppe, ibid. 25 (2008); the same model as Hoppe and Wagner, "Customer Base Analysis:
The Case for a Central Variant of the Betageometric/NBD Model", Marketing JRM 29 (2007).

In all functions `x` is the number of repeat purchases. `t_x` is the time from the first to the last
purchase, and `T` the time from the first purchase to the end of the data. All three have shape
(rows,). Any unit of time will do, if parameters and horizons have the same unit.

A customer of the CDNOW sample bought again twice in 38.86 weeks, the last time after 30.43 weeks.
With the published parameters the customer is alive with a chance of 73 %, and buys 1.226 times in
the next 39 weeks:

>>> parameters = {"r": 0.24259, "alpha": 4.4136, "a": 0.7929, "b": 2.4259}
>>> BG_NBD.p_alive(parameters, x=[2], t_x=[30.43], T=[38.86]).round(4).tolist()
[0.7266]
>>> expected = BG_NBD.expected_purchases(parameters, [2], [30.43], [38.86], horizons=[4, 39])
>>> expected.round(3).tolist()
[[0.147, 1.226]]

The parameters come from a fit. Few customers give no parameters, but a reason:

>>> BG_NBD.fit(x=[2, 0, 1], t_x=[30.43, 0, 1.71], T=[38.86, 38.86, 38.86]).reason
'too few customers who bought: 3, at least 50 are needed. Wait for more data'
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import Chebyshev
from numpy.typing import ArrayLike
from scipy.special import digamma, expit, gammaln, log_expit

from estimation.beta_expectation import beta_expectation
from estimation.fit import MINIMUM_CUSTOMERS, Fit, counts, maximize, thinning

# The degree of the polynomial between horizons. Its error is about 1e-9 for the least likely
# parameters.
DEGREE = 64


@dataclass(frozen=True)
class BetaGeometricNBD:
    """One of the two models: `BG_NBD` or `MBG_NBD`."""

    first_purchase_may_be_last: bool

    def fit(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, weights: ArrayLike = 1) -> Fit:
        """Find r, alpha (in the unit of time), a and b by maximum likelihood.

        `weights` is the number of customers with the history of the row: one number, or shape
        (rows,). Raises ValueError for rows that are no purchase history, and for negative weights.
        """
        x, t_x, T = _histories(x, t_x, T)
        weights = np.broadcast_to(counts(weights), x.shape)
        customers, purchases = weights.sum(), weights @ x
        if customers < MINIMUM_CUSTOMERS:
            return Fit.too_few(customers, "customers who bought")
        if not purchases:
            return Fit.failed(
                customers,
                "no customer bought on a second day, so nobody knows how often they come back."
                " Wait until some do",
            )
        # Gamma functions cost most. They depend on x alone, and x has few different values.
        distinct_x, index = np.unique(x, return_inverse=True)
        distinct_weights = np.bincount(index, weights)

        def log_likelihood(parameters: np.ndarray) -> tuple[float, np.ndarray]:
            counting, counting_slope = self._counting(parameters, distinct_x)
            timing, timing_slope = self._timing(parameters, x, t_x, T)
            return (
                distinct_weights @ counting + weights @ timing,
                counting_slope @ distinct_weights + timing_slope @ weights,
            )

        start = {"r": 1.0, "alpha": weights @ T / purchases, "a": 1.0, "b": 1.0}
        if (step := thinning(x.size)) > 1:
            thinned = self.fit(x[::step], t_x[::step], T[::step], weights[::step])
            start = thinned.parameters or start
        return maximize(log_likelihood, start, customers)

    def log_likelihood(
        self, parameters: Mapping[str, float], x: ArrayLike, t_x: ArrayLike, T: ArrayLike
    ) -> np.ndarray:
        """Return the log-likelihood of each history: the log of (6) in Fader, Hardie and Lee.

        For the MBG/NBD it is the log of the likelihood in appendix A of Batislam, Denizel and
        Filiztekin. The fit sums its two parts without this function. Tests compare it with
        published values and with integrals.
        """
        x, t_x, T = _histories(x, t_x, T)
        values = _values(parameters)
        return self._counting(values, x)[0] + self._timing(values, x, t_x, T)[0]

    def p_alive(
        self, parameters: Mapping[str, float], x: ArrayLike, t_x: ArrayLike, T: ArrayLike
    ) -> np.ndarray:
        """Return the probability that a customer with this history has not left by T.

        The source is the denominator of (10) in Fader, Hardie and Lee. For the MBG/NBD it is (5)
        in appendix A of Batislam, Denizel and Filiztekin.
        """
        x, t_x, T = _histories(x, t_x, T)
        return expit(-self._log_odds_of_having_left(_values(parameters), x, t_x, T))

    def expected_purchases(
        self,
        parameters: Mapping[str, float],
        x: ArrayLike,
        t_x: ArrayLike,
        T: ArrayLike,
        horizons: ArrayLike,
    ) -> np.ndarray:
        """Return the expected number of purchases in (T, T + horizon], by customer and horizon.

        The source is (10) in Fader, Hardie and Lee, and for the MBG/NBD the formula in Wagner and
        Hoppe. `horizons` is one number or an array. The result has shape (rows, *horizons.shape).
        Raises ValueError for horizons that are negative or not finite.

        A living customer buys at a rate l, and leaves with probability p after each purchase. That
        makes (1 - exp(-l p t)) / p purchases in t. Of a living customer, l is Gamma(r + x,
        alpha + T) and p is Beta(a, b + chances to leave that were not taken). So the mean over l
        has a closed form, and the mean over p depends on x and t / (alpha + T) only.
        """
        x, t_x, T = _histories(x, t_x, T)
        r, alpha, a, b = _values(parameters)
        horizons = np.asarray(horizons, dtype=float)
        if not np.all((horizons >= 0) & np.isfinite(horizons)):
            raise ValueError("horizons must be finite and not negative")
        ratios = horizons.ravel() / (alpha + T)[:, np.newaxis]
        purchases = np.empty_like(ratios)
        for count in np.unique(x):
            rows = np.flatnonzero(x == count)
            stayed = self._chances_to_leave(count)
            purchases[rows] = _purchases_if_alive(r + count, a, b + stayed, ratios[rows])
        purchases *= self.p_alive(parameters, x, t_x, T)[:, np.newaxis]
        return purchases.reshape(x.shape + horizons.shape)

    def _chances_to_leave(self, x: np.ndarray) -> np.ndarray:
        return x + self.first_purchase_may_be_last

    def _counting(self, parameters: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the part of the log-likelihood that needs x alone, and its gradient (4, rows)."""
        r, _, a, b = parameters
        stayed = self._chances_to_leave(x)
        value = (
            gammaln(r + x)
            - gammaln(r)
            + gammaln(b + stayed)
            - gammaln(b)
            + gammaln(a + b)
            - gammaln(a + b + stayed)
        )
        slope_a = digamma(a + b) - digamma(a + b + stayed)
        slope_b = digamma(b + stayed) - digamma(b) + slope_a
        return value, np.array([digamma(r + x) - digamma(r), np.zeros_like(x), slope_a, slope_b])

    def _timing(
        self, parameters: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the rest of the log-likelihood and its gradient (4, rows).

        The likelihood is that of staying alive throughout, divided by P(alive).
        """
        r, alpha, a, b = parameters
        log_odds = self._log_odds_of_having_left(parameters, x, t_x, T)
        left = expit(log_odds)
        log_alpha, log_T = np.log(alpha), np.log(alpha + T)
        value = r * log_alpha - (r + x) * log_T - log_expit(-log_odds)
        slope_r = log_alpha - log_T + left * (log_T - np.log(alpha + t_x))
        slope_alpha = r / alpha - (r + x) * ((1 - left) / (alpha + T) + left / (alpha + t_x))
        # Without a chance to leave, `left` is 0 and the denominator does not matter.
        slope_b = -left / np.where(left > 0, b + self._chances_to_leave(x) - 1, 1)
        return value, np.array([slope_r, slope_alpha, left / a, slope_b])

    def _log_odds_of_having_left(
        self, parameters: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray
    ) -> np.ndarray:
        r, alpha, a, b = parameters
        chances = self._chances_to_leave(x)
        stayed_before_last = np.maximum(chances - 1, 0)
        log_odds = (
            np.log(a)
            - np.log(b + stayed_before_last)
            + (r + x) * (np.log(alpha + T) - np.log(alpha + t_x))
        )
        return np.where(chances > 0, log_odds, -np.inf)


BG_NBD = BetaGeometricNBD(first_purchase_may_be_last=False)
MBG_NBD = BetaGeometricNBD(first_purchase_may_be_last=True)


def _purchases_if_alive(shape: float, a: float, b: float, ratios: np.ndarray) -> np.ndarray:
    """Return the expected purchases in t of a customer alive at T; `ratios` are t / (alpha + T).

    `shape` belongs to the distribution of the rate, `a` and `b` to that of the chance to leave,
    all given the history. The integral is interpolated between a few horizons. So it costs the
    same for one customer as for a million.
    """
    # The function is smooth in the logarithm of time. The scale is the time in which the first
    # customers leave.
    scale = 1 + shape * a / (a + b)
    log_times = np.log1p(scale * ratios)
    longest = log_times.max(initial=1e-3)

    def purchases_per_log_time(log_times: np.ndarray) -> np.ndarray:
        ratios = np.expm1(log_times)[:, np.newaxis] / scale
        purchases = beta_expectation(
            lambda p: -np.expm1(-shape * np.log1p(p * ratios)) / p,
            a,
            b,
            steepness=(shape + 1) * ratios.max(),
        )
        return purchases / log_times

    # Near 0 the function is proportional to log time. Dividing by it makes short horizons as exact
    # as long ones.
    interpolated = Chebyshev.interpolate(purchases_per_log_time, DEGREE, domain=(0, longest))
    # For short horizons a few terms are as exact as all.
    interpolated = interpolated.trim(1e-14 * np.abs(interpolated.coef).max())
    return log_times * interpolated(log_times)


def _histories(
    x: ArrayLike, t_x: ArrayLike, T: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, t_x, T = (np.asarray(column, dtype=float) for column in (x, t_x, T))
    if not x.shape == t_x.shape == T.shape or x.ndim != 1:
        raise ValueError("x, t_x and T must be arrays of the same length")
    if not np.all(((x > 0) == (t_x > 0)) & (x >= 0) & (t_x >= 0) & (t_x <= T) & np.isfinite(x + T)):
        raise ValueError("no purchase history: needs x = t_x = 0 <= T or x > 0 and 0 < t_x <= T")
    return x, t_x, T


def _values(parameters: Mapping[str, float]) -> np.ndarray:
    return np.array([parameters[name] for name in ("r", "alpha", "a", "b")])
