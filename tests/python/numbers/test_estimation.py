"""The fits: published results, independent integrals, simulated customers, and bad luck.

On the CDNOW sample: Fader, Hardie and Lee, "Counting Your Customers the Easy Way" (Marketing
Science 24, 2005), and notes of Fader and Hardie. On subscriptions, by Fader and Hardie: "How to
Project Customer Retention" (Journal of Interactive Marketing 21, 2007). "Customer-Base Valuation in
a Contractual Setting" (Marketing Science 29, 2010).
"""

import re
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import gammaln, hyp2f1, roots_genlaguerre, roots_jacobi
from scipy.stats import gamma
from shops.published_shops import SURVIVORS, read_cdnow
from simulated_customers import simulate

from estimation import gamma_gamma
from estimation import shifted_beta_geometric as sbg
from estimation.beta_expectation import beta_expectation
from estimation.beta_geometric_nbd import BG_NBD, MBG_NBD
from estimation.fit import maximize

both_models = pytest.mark.parametrize("model", [BG_NBD, MBG_NBD], ids=["BG/NBD", "MBG/NBD"])
STABLE = {"r": 0.25, "alpha": 4, "a": 0.8, "b": 2.5}


# --- Published ------------------------------------------------------------------------------------


class Cdnow(NamedTuple):
    """The 1/10 sample by customer: histories in weeks to 1997-09-30, and the 39 weeks after."""

    x: np.ndarray
    t_x: np.ndarray
    T: np.ndarray
    mean_value: np.ndarray
    holdout: np.ndarray

    @property
    def histories(self):
        return self.x, self.t_x, self.T


@pytest.fixture(scope="module")
def cdnow():
    orders = read_cdnow("sample", ["master_id", "customer_id", "date", "cds", "amount"], skip=0)
    orders["date"] = pd.to_datetime(orders["date"], format="%Y%m%d")
    orders["amount"] = orders["amount"].astype(float)
    days = orders.groupby(["customer_id", "date"], as_index=False)["amount"].sum()
    last_day = pd.Timestamp("1997-09-30")
    known = days[days["date"] <= last_day]
    dates = known.groupby("customer_id")["date"].agg(["min", "max", "count"])
    repeats = known[known.duplicated("customer_id")]
    later = days[days["date"] > last_day]
    return Cdnow(
        x=dates["count"].to_numpy() - 1,
        t_x=(dates["max"] - dates["min"]).dt.days.to_numpy() / 7,
        T=(last_day - dates["min"]).dt.days.to_numpy() / 7,
        mean_value=repeats.groupby("customer_id")["amount"].mean().reindex(dates.index).to_numpy(),
        holdout=later.groupby("customer_id").size().reindex(dates.index, fill_value=0).to_numpy(),
    )


@pytest.mark.parametrize(
    "model, parameters, log_likelihood",
    [
        (BG_NBD, {"r": 0.24259, "alpha": 4.4136, "a": 0.7929, "b": 2.4259}, -9582.429),
        (MBG_NBD, {"r": 0.5248, "alpha": 6.183, "a": 0.8914, "b": 1.6140}, -9582.136),
    ],
)
def test_cdnow_parameters_are_the_published_ones(cdnow, model, parameters, log_likelihood):
    fit = model.fit(*cdnow.histories)
    assert fit.converged and fit.reason is None
    assert fit.customers == 2_357
    assert fit.parameters == pytest.approx(parameters, rel=1e-4)
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=1e-3)


@pytest.mark.parametrize(
    "model, mae, rmse, total",
    [(BG_NBD, 0.7855, 1.6080, 1_653.4), (MBG_NBD, 0.7648, 1.6072, 1_576.7)],
)
def test_cdnow_holdout_is_predicted_as_published(cdnow, model, mae, rmse, total):
    parameters = model.fit(*cdnow.histories).parameters
    predicted = model.expected_purchases(parameters, *cdnow.histories, horizons=39)
    errors = predicted - cdnow.holdout
    assert cdnow.holdout.sum() == 1_882
    assert np.abs(errors).mean() == pytest.approx(mae, abs=5e-5)
    assert np.sqrt((errors**2).mean()) == pytest.approx(rmse, abs=5e-5)
    assert predicted.sum() == pytest.approx(total, abs=0.05)
    # The naive forecast: as many purchases as in the equally long time before.
    assert np.abs(cdnow.x - cdnow.holdout).mean() == pytest.approx(0.897, abs=5e-4)


@pytest.mark.parametrize(
    "history, horizon, purchases, p_alive",
    [((2, 30.43, 38.86), 39, 1.226, 0.7266), ((26, 30.857, 31), 52, 25.757, 0.96885)],
)
def test_cdnow_customers_are_expected_to_buy_as_published(
    cdnow, history, horizon, purchases, p_alive
):
    parameters = BG_NBD.fit(*cdnow.histories).parameters
    row = [[value] for value in history]
    expected = BG_NBD.expected_purchases(parameters, *row, horizon)
    assert expected == pytest.approx(purchases, abs=5e-4)
    assert BG_NBD.p_alive(parameters, *row) == pytest.approx(p_alive, abs=5e-5)


def test_cdnow_values_are_the_published_ones(cdnow):
    fit = gamma_gamma.fit(cdnow.x, cdnow.mean_value)
    assert fit.converged
    assert fit.customers == 946
    assert fit.parameters == pytest.approx({"p": 6.25, "q": 3.74, "v": 15.44}, abs=6e-3)
    assert fit.log_likelihood == pytest.approx(-4055.92, abs=5e-3)
    # The first ten customers. Those who did not buy again get 35.17, the mean over all.
    assert gamma_gamma.expected_value(fit.parameters, cdnow.x, cdnow.mean_value)[
        :10
    ] == pytest.approx(
        [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17], abs=0.01
    )


@pytest.mark.parametrize(
    "x, t_x, log_likelihood", [(0, 0, -0.59947382), (200, 38, 100.7957)], ids=["one-time", "many"]
)
def test_the_likelihood_is_the_published_one(x, t_x, log_likelihood):
    assert BG_NBD.log_likelihood(STABLE, [x], [t_x], [40]) == pytest.approx(
        log_likelihood, rel=1e-6
    )


def test_a_whale_pulls_r_down_and_all_stays_finite(cdnow):
    histories = np.append(cdnow.histories, [[5_000], [38], [39]], axis=1)
    fit = BG_NBD.fit(*histories)
    assert fit.converged
    assert fit.parameters["r"] == pytest.approx(0.139, abs=5e-4)
    purchases = BG_NBD.expected_purchases(fit.parameters, *histories, horizons=[4, 52, 156])
    assert np.isfinite(purchases).all()
    # A customer who bought 18 times a day, and then not for a week, has left.
    assert purchases[-1, -1] < 1e-6


def fit_survivors(survivors):
    lost = -np.diff(survivors)
    running = [0] * (len(lost) - 1) + [survivors[-1]]
    return sbg.fit(range(1, len(survivors)), lost, running)


@pytest.mark.parametrize(
    "segment, parameters, years_8_to_12, lifetime",
    [
        ("sbg-high-end", (0.668, 3.806), [46.0, 43.6, 41.4, 39.5, 37.8], 5.922),
        ("sbg-regular", (0.704, 1.182), [22.0, 20.4, 19.1, 18.0, 17.0], 3.695),
    ],
)
def test_renewals_are_projected_as_published(segment, parameters, years_8_to_12, lifetime):
    fit = fit_survivors(SURVIVORS[segment])
    assert fit.converged
    assert fit.customers == 1_000
    assert tuple(fit.parameters.values()) == pytest.approx(parameters, abs=5e-4)
    projected = 100 * sbg.survival(fit.parameters, range(8, 13))
    assert projected == pytest.approx(years_8_to_12, abs=0.05)
    assert sbg.discounted_lifetime(fit.parameters, 0.1) == pytest.approx(lifetime, abs=5e-4)


def test_retention_and_residual_lifetimes_are_the_published_ones():
    parameters = fit_survivors(SURVIVORS["sbg-high-end"]).parameters
    assert sbg.retention_rate(parameters, range(1, 8)) == pytest.approx(
        [0.851, 0.878, 0.897, 0.911, 0.921, 0.929, 0.936], abs=5e-4
    )
    assert sbg.discounted_residual_lifetime(parameters, [0, 1, 2, 3, 4, 7], 0.1) == pytest.approx(
        [5.414, 5.901, 6.294, 6.620, 6.897, 7.530], abs=6e-4
    )


def test_who_has_renewed_before_is_one_who_stays_more_easily():
    """After two renewals, Beta(alpha, beta) has become Beta(alpha, beta + 2).

    So the survivors of 2007 have the same alpha, and two less in beta, if their table begins at the
    second renewal and nobody was seen before.
    """
    survivors = SURVIVORS["sbg-high-end"]
    lost, running = -np.diff(survivors), [0] * 6 + [survivors[-1]]
    fit = sbg.fit(range(3, 10), lost, running, before_entry=2)
    assert tuple(fit.parameters.values()) == pytest.approx((0.668, 3.806 - 2), abs=5e-4)
    published = fit_survivors(survivors)
    assert fit.log_likelihood == pytest.approx(published.log_likelihood)
    assert fit.customers == published.customers == 1_000
    # Who came no further than the entry tells nothing.
    lost, running = [9, 3, *lost], [0, 7, *running]
    assert sbg.fit(range(1, 10), lost, running, before_entry=2) == fit


# --- Integrals over the hidden traits, without any closed form ------------------------------------


@both_models
@pytest.mark.parametrize(
    "parameters",
    [
        {"r": 0.6, "alpha": 7.0, "a": 0.8, "b": 2.5},
        {"r": 3.2, "alpha": 4.0, "a": 1.0, "b": 0.4},
        {"r": 1.4, "alpha": 9.0, "a": 5.5, "b": 12.0},
    ],
)
@pytest.mark.parametrize("history", [(0, 0, 9), (1, 6, 10), (4, 3, 12), (12, 11, 11.5)])
def test_scores_are_integrals_over_the_hidden_traits(model, parameters, history):
    """Gauss quadrature over a customer's rate of buying and chance to leave."""
    r, alpha, a, b = parameters.values()
    x, t_x, T = history
    horizon = 8
    nodes, p_weights = roots_jacobi(100, b - 1, a - 1)
    p = (1 + nodes) / 2
    # The customer was certainly there until t_x, so the weight of the rate may include that.
    nodes, rate_weights = roots_genlaguerre(100, r - 1)
    rate = (nodes / (alpha + t_x))[:, np.newaxis]
    weights = np.outer(rate_weights / rate_weights.sum(), p_weights / p_weights.sum())
    scale = r * np.log(alpha / (alpha + t_x))

    stayed = x + 1 if model is MBG_NBD else x
    there = rate**x * (1 - p) ** stayed * np.exp(-rate * (T - t_x))
    gone = rate**x * p * (1 - p) ** (stayed - 1) if stayed else 0
    likelihood = (weights * (there + gone)).sum()
    p_alive = (weights * there).sum() / likelihood
    purchases = (weights * there * -np.expm1(-rate * p * horizon) / p).sum() / likelihood

    row = [[value] for value in history]
    assert model.log_likelihood(parameters, *row) == pytest.approx(scale + np.log(likelihood))
    assert model.p_alive(parameters, *row) == pytest.approx(p_alive, rel=1e-9)
    assert model.expected_purchases(parameters, *row, horizon) == pytest.approx(purchases, rel=1e-8)


@pytest.mark.parametrize("x", [0, 1, 30])
@pytest.mark.parametrize("horizon", [0.1, 4, 52, 500])
@pytest.mark.parametrize("a", [0.05, 0.8, 1.3, 40])
def test_expected_purchases_are_the_published_formula_where_that_is_exact(x, horizon, a):
    """(10) in Fader, Hardie and Lee. It needs an `a` that is not 1, and not too many purchases."""
    r, alpha, b = 0.7, 3.0, 2.2
    T = 20.0
    ratio = (alpha + T) / (alpha + T + horizon)
    bracket = 1 - ratio ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, 1 - ratio)
    parameters = {"r": r, "alpha": alpha, "a": a, "b": b}
    row = [x], [min(x, T)], [T]
    assert BG_NBD.expected_purchases(parameters, *row, horizon) == pytest.approx(
        (a + b + x - 1) / (a - 1) * bracket * BG_NBD.p_alive(parameters, *row), rel=1e-8
    )


def test_expected_values_are_integrals_over_the_hidden_mean():
    p, q, v = 2.3, 3.1, 14.0
    x, mean_value = 3, 22.0

    def joint(rate, power):
        seen = gamma.pdf(mean_value, p * x, scale=1 / (rate * x))
        return seen * gamma.pdf(rate, q, scale=1 / v) * (p / rate) ** power

    likelihood, mean = (quad(joint, 0, np.inf, (power,), epsabs=0)[0] for power in (0, 1))
    expected = gamma_gamma.expected_value({"p": p, "q": q, "v": v}, [x], [mean_value])
    assert expected == pytest.approx(mean / likelihood, rel=1e-7)


@pytest.mark.parametrize("made", [0, 3, 400])
@pytest.mark.parametrize("discount_rate", [0, 0.0003, 0.1, 2])
def test_residual_lifetimes_to_a_horizon_are_sums_of_survival(made, discount_rate):
    parameters = {"alpha": 0.668, "beta": 3.806}
    renewals = np.arange(1, 121)
    survival = sbg.survival(parameters, made + renewals) / sbg.survival(parameters, made)
    payments = survival / (1 + discount_rate) ** (renewals - 1)
    horizons = [0, 1, 36, 120]
    assert sbg.discounted_residual_lifetime(
        parameters, [made] * 4, discount_rate, horizons
    ) == pytest.approx([payments[:n].sum() for n in horizons], rel=1e-10)


@pytest.mark.parametrize("made", [0, 3])
@pytest.mark.parametrize("discount_rate", [0.0003, 0.01, 2])
def test_residual_lifetimes_without_horizon_are_the_published_formula(made, discount_rate):
    """(6) of the paper of 2010. The series of scipy fails after many renewals."""
    alpha, beta = 0.668, 3.806 + made
    series = hyp2f1(1, beta + 1, alpha + beta + 1, 1 / (1 + discount_rate))
    assert sbg.discounted_residual_lifetime(
        {"alpha": 0.668, "beta": 3.806}, [made], discount_rate
    ) == pytest.approx(beta / (alpha + beta) * series, rel=1e-9)


def test_a_lifetime_with_a_horizon_counts_that_many_payments():
    parameters = {"alpha": 0.668, "beta": 3.806}
    survival = sbg.survival(parameters, range(3))
    assert sbg.discounted_lifetime(parameters, 0.1, horizon=1) == 1
    assert sbg.discounted_lifetime(parameters, 0, horizon=3) == pytest.approx(survival.sum())


@pytest.mark.parametrize("a", [1e-3, 0.3, 1, 5, 300, 1e5])
@pytest.mark.parametrize("b", [1e-3, 0.3, 1, 5, 300, 1e5])
def test_the_mean_of_a_beta_distribution_is_known(a, b):
    def both(p):
        assert ((p > 0) & (p < 1)).all()
        return np.array([p, 1 - p])

    means = beta_expectation(both, a, b, steepness=1)
    assert means == pytest.approx([a / (a + b), b / (a + b)], rel=1e-7, abs=0)


def test_customers_who_leave_at_once_buy_once_at_most():
    r, alpha = 80, 0.01
    horizons = np.array([1e-5, 1e-3, 0.1, 10, 1_000])
    purchases = BG_NBD.expected_purchases(
        {"r": r, "alpha": alpha, "a": 1e6, "b": 1e-6}, [0], [0], [0], horizons
    )
    assert purchases[0] == pytest.approx(1 - (1 + horizons / alpha) ** -r, rel=1e-8)


def test_customers_who_hardly_ever_leave_count_in_full():
    """The mean of 1 / (d + p) for p ~ Beta(a, 1) as a series in d, where half of all p are tiny."""
    a, d = 0.05, 1e-8
    mean = a * np.pi / np.sin(np.pi * a) * d ** (a - 1) - a / (1 - a) + a * d / (2 - a)
    purchases = BG_NBD.expected_purchases(
        {"r": 1, "alpha": 1e-5, "a": a, "b": 1}, [0], [0], [0], horizons=1_000
    )
    assert purchases == pytest.approx(mean, rel=1e-8)
    renewals = sbg.discounted_residual_lifetime({"alpha": a, "beta": 1}, [0], d)
    assert renewals == pytest.approx((1 + d) * ((1 + d) * mean - 1), rel=1e-8)


# --- Simulated customers --------------------------------------------------------------------------


def standard_errors_of_logs(row_log_likelihood, parameters):
    """From the scores of the rows (the outer product of gradients), by finite differences."""
    step = 1e-4
    scores = []
    for name, value in parameters.items():
        up, down = (parameters | {name: value * np.exp(sign * step)} for sign in (1, -1))
        scores.append((row_log_likelihood(up) - row_log_likelihood(down)) / (2 * step))
    return np.sqrt(np.diag(np.linalg.inv(np.array(scores) @ np.transpose(scores))))


def assert_recovered(fit, truth, row_log_likelihood):
    standard_errors = standard_errors_of_logs(row_log_likelihood, truth)
    assert fit.converged
    # The errors are so small that a wrong formula would be noticed.
    assert (standard_errors < 0.2).all()
    errors = np.log([fit.parameters[name] / truth[name] for name in truth])
    assert (np.abs(errors) < 3 * standard_errors).all()
    assert fit.log_likelihood == pytest.approx(row_log_likelihood(fit.parameters).sum())


@both_models
def test_parameters_of_simulated_customers_are_recovered(model):
    truth = {"r": 0.7, "alpha": 3.0, "a": 0.9, "b": 2.8}
    customers = simulate(model, truth, T=np.linspace(5, 60, 20_000), seed=1)
    fit = model.fit(*customers.histories)
    assert_recovered(
        fit, truth, lambda parameters: model.log_likelihood(parameters, *customers.histories)
    )


@both_models
def test_simulated_customers_live_and_buy_as_expected(model):
    truth = {"r": 0.7, "alpha": 3.0, "a": 0.9, "b": 2.8}
    customers = simulate(model, truth, T=np.linspace(0, 40, 40_000), seed=2, horizon=26.0)
    p_alive = model.p_alive(truth, *customers.histories)
    expected = model.expected_purchases(truth, *customers.histories, horizons=26)
    for few, many in [(0, 0), (1, 1), (2, 5), (6, np.inf)]:
        group = (few <= customers.x) & (customers.x <= many)
        assert group.sum() > 3_000
        for actual, prediction in [(customers.is_alive, p_alive), (customers.later, expected)]:
            error = (actual - prediction)[group]
            assert abs(error.sum()) <= 3 * np.sqrt((error**2).sum())


def test_values_of_simulated_customers_are_recovered():
    truth = {"p": 4.0, "q": 3.5, "v": 20.0}
    random = np.random.default_rng(3)
    x = random.integers(0, 8, 20_000)
    rate = random.gamma(truth["q"], 1 / truth["v"], len(x))
    mean_value = np.array([random.gamma(truth["p"] * n) / n if n else 0 for n in x]) / rate
    fit = gamma_gamma.fit(x, mean_value)
    assert fit.customers == (x > 0).sum()

    def row_log_likelihood(parameters):
        p, q, v = parameters.values()
        n, z = x[x > 0], mean_value[x > 0]
        return (
            gammaln(p * n + q)
            - gammaln(p * n)
            - gammaln(q)
            + q * np.log(v)
            + (p * n - 1) * np.log(z)
            + p * n * np.log(n)
            - (p * n + q) * np.log(v + n * z)
        )

    assert_recovered(fit, truth, row_log_likelihood)


def test_renewals_of_simulated_customers_are_recovered():
    """Each customer is watched for another time, and only some are lost within it."""
    truth = {"alpha": 0.9, "beta": 4.0}
    random = np.random.default_rng(4)
    lifetime = random.geometric(random.beta(truth["alpha"], truth["beta"], 20_000))
    watched = random.integers(0, 25, len(lifetime))
    is_lost = lifetime <= watched
    intervals = np.minimum(lifetime, watched)
    fit = sbg.fit(intervals, is_lost, ~is_lost)
    assert fit.customers == (watched > 0).sum()

    def row_log_likelihood(parameters):
        before, after = (sbg.survival(parameters, intervals - back) for back in (is_lost, 0))
        return np.log(np.where(is_lost, before - after, after))

    assert_recovered(fit, truth, row_log_likelihood)


def test_renewals_of_customers_who_were_there_before_the_data_began_are_recovered():
    """Half of the customers come late into the data, if they are still there."""
    truth = {"alpha": 0.9, "beta": 4.0}
    random = np.random.default_rng(6)
    lifetime = random.geometric(random.beta(truth["alpha"], truth["beta"], 40_000))
    entry = random.integers(1, 15, len(lifetime)) * (np.arange(len(lifetime)) % 2)
    watched = entry + random.integers(0, 20, len(lifetime))
    lifetime, entry, watched = (array[lifetime > entry] for array in (lifetime, entry, watched))
    is_lost = lifetime <= watched
    intervals = np.minimum(lifetime, watched)
    fit = sbg.fit(intervals, is_lost, ~is_lost, entry)
    assert fit.customers == (watched > entry).sum()

    def row_log_likelihood(parameters):
        before, after = (sbg.survival(parameters, intervals - back) for back in (is_lost, 0))
        seen = sbg.survival(parameters, entry)
        return np.log(np.where(is_lost, before - after, after) / seen)

    assert_recovered(fit, truth, row_log_likelihood)
    # Counted from their start, the survivors would look as if nobody left.
    assert sbg.survival(sbg.fit(intervals, is_lost, ~is_lost).parameters, 12) > (
        sbg.survival(truth, 12) + 0.1
    )


# --- Bad luck -------------------------------------------------------------------------------------

# When several parameters run away at once, rounding decides which one is named.
NO_ANSWER = r"^no best fit: (the (larg|small)er \w+ gets|many values of \w+ fit equally well)"


def shop_of_three_weeks(customers):
    truth = {"r": 0.5, "alpha": 5.0, "a": 0.8, "b": 2.5}
    return simulate(BG_NBD, truth, T=np.arange(customers) % 21 / 7, seed=5).histories


def rows(*counted):
    """Histories (x, t_x, T) given as (x, t_x, T, how many customers)."""
    return np.repeat([row[:3] for row in counted], [row[3] for row in counted], axis=0).T


def buyers_once(customers, youngest):
    """Each customer has another age, so that no two are identical."""
    return np.zeros(customers), np.zeros(customers), np.linspace(youngest, 40, customers)


@both_models
@pytest.mark.parametrize(
    "histories, reason",
    [
        (([], [], []), "too few .*: 0, at least 50 are needed"),
        (rows((3, 20, 40, 1)), "too few .*: 1, at least 50 are needed"),
        (rows((0, 0, 40, 25), (2, 9, 40, 24)), "too few .*: 49, at least 50 are needed"),
        (buyers_once(100, 1), "no customer bought on a second day"),
        (rows((0, 0, 0, 100)), "no customer bought on a second day"),
        (rows((3, 20, 40, 100)), NO_ANSWER),
        (rows((3, 40, 40, 100)), NO_ANSWER),
        (rows((0, 0, 40, 50), (1, 9, 40, 50)), NO_ANSWER),
        (rows((0, 0, 39, 99), (5_000, 38, 39, 1)), NO_ANSWER),
        (rows((2_000, 30, 40, 50), (4_000, 30, 40, 50)), NO_ANSWER),
        (np.append(buyers_once(999, 10), [[1], [5], [40]], axis=1), NO_ANSWER),
        (shop_of_three_weeks(500), NO_ANSWER),
    ],
    ids=[
        "nobody",
        "one customer",
        "few customers",
        "no repeat buyer",
        "shop of one day",
        "all identical",
        "all identical and still buying",
        "two kinds",
        "one whale, else one-time buyers",
        "whales only",
        "one repeat buyer",
        "shop of three weeks",
    ],
)
def test_histories_without_an_answer_say_why(model, histories, reason):
    fit = model.fit(*histories)
    assert not fit.converged
    assert re.search(reason, fit.reason)
    assert fit.customers == len(histories[0])
    assert fit.parameters is None and fit.log_likelihood is None


@pytest.mark.parametrize(
    "x, mean_value, reason",
    [
        ([], [], "too few .*: 0, at least 50 are needed"),
        ([1] * 49, range(1, 50), "too few .*: 49, at least 50 are needed"),
        ([0] * 100, [20] * 100, "too few .*: 0, at least 50 are needed"),
        ([1] * 100, [0] * 100, "too few .*: 0, at least 50 are needed"),
        ([1] * 100, [np.nan] * 50 + [np.inf] * 50, "too few .*: 0, at least 50 are needed"),
        ([1] * 100, [10] * 99 + [1e9], NO_ANSWER),
    ],
)
def test_values_without_an_answer_say_why(x, mean_value, reason):
    fit = gamma_gamma.fit(x, mean_value)
    assert not fit.converged
    assert re.search(reason, fit.reason)
    assert fit.parameters is None and fit.log_likelihood is None


@pytest.mark.parametrize(
    "x, mean_value, mean, reason",
    [
        ([3] * 100, [10] * 100, 10, "every customer are worth 10.00,"),
        # What divisions make of 9.99.
        ([1, 2, 3] * 40, [9.99, 19.98 / 2, (9.99 + 9.99 + 9.99) / 3] * 40, 9.99, "worth 9.99,"),
        # Purchases of 10 and 30, in any order: customers differ no more than chance makes them.
        ([2] * 90, [10, 20, 20, 20, 30] * 18, 20, "customers do not differ in what they spend"),
        (
            [1, 1, 4, 4] * 25,
            [10, 30, 15, 25] * 25,
            20,
            "customers do not differ in what they spend",
        ),
        ([1] * 100, [10, 20] * 50, 15, "customers do not differ in what they spend"),
    ],
)
def test_purchases_that_are_simpler_than_the_model_have_one_mean(x, mean_value, mean, reason):
    fit = gamma_gamma.fit(x, mean_value)
    assert fit.converged
    assert reason in fit.reason
    assert fit.parameters == {"mean": pytest.approx(mean, rel=1e-12), "own_share": 0}
    expected = gamma_gamma.expected_value(fit.parameters, [0, 2], [np.nan, 99])
    assert expected == pytest.approx([mean, mean])


def test_one_mean_is_the_limit_of_the_model():
    """The likelihood for a q that is large, and a v that keeps the mean, comes close to it."""
    x, mean_value = np.tile([1, 1, 4, 4], 25), np.tile([10, 30, 15, 25], 25)
    fit = gamma_gamma.fit(x, mean_value)

    def log_likelihood(p, q):
        v = fit.parameters["mean"] * (q - 1) / p
        px, total = p * x, x * mean_value
        return (
            gammaln(px + q) - gammaln(px) - gammaln(q)
            + q * np.log(v) + px * np.log(total) - np.log(mean_value) - (px + q) * np.log(v + total)
        ).sum()  # fmt: skip

    most = max(log_likelihood(p, q=1e7) for p in np.geomspace(1, 100, 2_000))
    assert fit.log_likelihood == pytest.approx(most, abs=1e-3)
    assert fit.log_likelihood > max(log_likelihood(p, q=50) for p in np.geomspace(1, 100, 100))


def test_customers_who_always_spend_the_same_are_expected_to_do_it_again():
    """Their amounts are inverse-gamma-distributed, with a mean of 60 / (4 - 1)."""
    amounts = 60 / np.random.default_rng(7).gamma(4, size=20_000)
    fit = gamma_gamma.fit(np.tile([1, 2, 5, 9], 5_000), amounts)
    assert fit.converged and "always spends about the same" in fit.reason
    assert fit.parameters == {"mean": pytest.approx(20, rel=0.02), "own_share": 1}
    expected = gamma_gamma.expected_value(fit.parameters, [0, 2], [np.nan, 99])
    assert expected == pytest.approx([fit.parameters["mean"], 99])


def test_who_came_back_once_does_not_show_what_they_always_spend():
    fit = gamma_gamma.fit([1] * 100, 60 / np.random.default_rng(7).gamma(4, size=100))
    assert not fit.converged or "p" in fit.parameters


def test_zeros_and_unknown_values_are_left_out():
    values = np.random.default_rng(6).gamma(5, 10, 90)
    fit = gamma_gamma.fit([2] * 90, values)
    assert fit.converged
    assert (
        gamma_gamma.fit([2] * 90 + [2, 2, 2, 0], [*values, 0, np.nan, -5, 30], weights=[1] * 94)
        == fit
    )


def test_a_value_without_a_mean_is_unknown():
    values = gamma_gamma.expected_value(
        {"p": 0.2, "q": 0.7, "v": 10.0},
        x=[0, 1, 2, 2, 2, 2],
        mean_value=[np.nan, 30, 30, 0, -1, np.nan],
    )
    twice = [0.2 * (10 + 60) / (0.4 + 0.7 - 1), 0.2 * 10 / (0.4 + 0.7 - 1)]
    assert values == pytest.approx([np.nan, np.nan, *twice, np.nan, np.nan], nan_ok=True)


@pytest.mark.parametrize(
    "intervals, lost, running, reason",
    [
        ([], [], [], "too few .*: 0, at least 50 are needed"),
        ([0], [0], [1_000], "too few .*: 0, at least 50 are needed"),
        ([1, 2], [30, 10], [0, 9], "too few .*: 49, at least 50 are needed"),
        ([1, 2, 3], [0, 0, 0], [10, 20, 300], "no subscriber has left"),
        ([1], [100], [0], NO_ANSWER),
        ([4], [100], [0], NO_ANSWER),
        ([1, 30], [1, 0], [0, 200], "the smaller alpha gets"),
        ([1], [40], [60], NO_ANSWER),
        ([1, 2, 3, 3], [400, 240, 144, 0], [0, 0, 0, 216], NO_ANSWER),
    ],
    ids=[
        "nobody",
        "none came to a renewal",
        "few customers",
        "nobody lost",
        "all lost at once",
        "all lost late",
        "one lost",
        "one renewal",
        "all equally loyal",
    ],
)
def test_renewals_without_an_answer_say_why(intervals, lost, running, reason):
    fit = sbg.fit(intervals, lost, running)
    assert not fit.converged
    assert re.search(reason, fit.reason)
    assert fit.parameters is None and fit.log_likelihood is None


@pytest.mark.parametrize("curvature, is_enough", [(0.04, True), (0.002, False)])
def test_a_parameter_that_could_be_anything_is_no_fit(curvature, is_enough):
    """The standard error of its logarithm is 5 where that is enough, else 22."""
    fit = maximize(
        lambda p: (-curvature * np.log(p[0]) ** 2 / 2, -curvature * np.log(p) / p),
        {"p": 2.0},
        customers=100,
    )
    assert fit.converged == is_enough
    assert fit.parameters == (pytest.approx({"p": 1.0}) if is_enough else None)


def test_a_stop_that_is_no_maximum_is_no_fit():
    """The slope promises a gain, but no step gains anything."""
    fit = maximize(lambda p: (0.0, (-np.log(p) - 1) / p), {"p": 1.0}, customers=100)
    assert not fit.converged
    assert "the search stopped before it found one" in fit.reason


@pytest.mark.parametrize(
    "x, t_x, T",
    [
        ([1], [2, 3], [4]),
        ([1], [5], [4]),
        ([1], [0], [4]),
        ([0], [1], [4]),
        ([-1], [1], [4]),
        ([1], [1], [np.nan]),
        ([np.inf], [1], [4]),
    ],
)
def test_what_is_no_purchase_history_is_refused(x, t_x, T):
    refused = r"arrays of the same length|no purchase history"
    with pytest.raises(ValueError, match=refused):
        BG_NBD.fit(x, t_x, T)
    with pytest.raises(ValueError, match=refused):
        BG_NBD.log_likelihood(STABLE, x, t_x, T)
    with pytest.raises(ValueError, match=refused):
        BG_NBD.p_alive(STABLE, x, t_x, T)
    with pytest.raises(ValueError, match=refused):
        BG_NBD.expected_purchases(STABLE, x, t_x, T, horizons=4)


@pytest.mark.parametrize("bad", [-1, np.nan, np.inf])
def test_impossible_counts_and_horizons_are_refused(bad):
    numbers = "numbers of customers must be finite and not negative"
    with pytest.raises(ValueError, match=numbers):
        BG_NBD.fit([1], [1], [4], weights=[bad])
    with pytest.raises(ValueError, match=numbers):
        gamma_gamma.fit([1], [1], weights=[bad])
    with pytest.raises(ValueError, match=numbers):
        sbg.fit([1], [bad], [3])
    with pytest.raises(ValueError, match="horizons must be finite and not negative"):
        BG_NBD.expected_purchases(STABLE, [1], [1], [4], horizons=[bad])


def test_renewals_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="nobody can leave before the first renewal"):
        sbg.fit([0], [3], [0])
    with pytest.raises(ValueError, match="nobody enters before the start"):
        sbg.fit([1], [3], [0], before_entry=[-1])
    with pytest.raises(ValueError, match="needs a discount rate above 0 or a horizon"):
        sbg.discounted_lifetime({"alpha": 0.5, "beta": 1.0}, 0)
