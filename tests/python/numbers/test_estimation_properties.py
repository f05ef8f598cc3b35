"""What holds for any customers and any parameters of the models."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_customers import simulate

from estimation import gamma_gamma
from estimation import shifted_beta_geometric as sbg
from estimation.beta_geometric_nbd import BG_NBD, MBG_NBD

# A case here takes milliseconds, not a build.
many_cases = settings(max_examples=20 * settings().max_examples)

models = st.sampled_from([BG_NBD, MBG_NBD])
UNITS = [1 / 7, 100.0, 24 * 60 * 60 * 1e6]


def logarithmic(low, high):
    return st.floats(np.log(low), np.log(high)).map(lambda log: float(np.exp(log)))


purchase_parameters = st.fixed_dictionaries(
    {
        "r": logarithmic(0.01, 100),
        "alpha": logarithmic(0.01, 1_000),
        "a": logarithmic(0.01, 1_000) | st.just(1.0),
        "b": logarithmic(0.01, 1_000),
    }
)


@st.composite
def histories(draw):
    """A few customers (x, t_x, T), from new ones to whales."""
    customers = draw(st.integers(1, 4))
    x = [draw(st.sampled_from([0, 1, 2, 20, 2_000, 5_000])) for _ in range(customers)]
    T = np.array([draw(logarithmic(0.1, 1_000)) for _ in x])
    share = np.array([draw(st.floats(0.001, 1)) for _ in x])
    return np.array(x), np.where(np.array(x) > 0, share * T, 0), T


# --- Scores of customers who buy ------------------------------------------------------------------


@given(models, purchase_parameters, histories())
@many_cases
def test_the_likelihood_is_a_number(model, parameters, histories):
    assert np.isfinite(model.log_likelihood(parameters, *histories)).all()


@given(models, purchase_parameters, histories(), st.floats(0, 1))
@many_cases
def test_a_customer_seen_lately_is_more_likely_alive(model, parameters, histories, share):
    x, t_x, T = histories
    p_alive = model.p_alive(parameters, x, t_x, T)
    assert ((p_alive >= 0) & (p_alive <= 1)).all()
    seen_later = np.where(x > 0, t_x + share * (T - t_x), 0)
    assert (model.p_alive(parameters, x, np.minimum(seen_later, T), T) >= p_alive).all()
    assert (model.p_alive(parameters, x, t_x, T * (1 + share)) <= p_alive).all()
    if model is BG_NBD:
        assert (p_alive[x == 0] == 1).all()


@given(models, purchase_parameters, histories())
@many_cases
def test_expected_purchases_grow_ever_slower(model, parameters, histories):
    """Up to rounding, and never more than a customer buys who never leaves."""
    x, _, T = histories
    horizons = np.arange(0, 157, 4)
    purchases = model.expected_purchases(parameters, *histories, horizons)
    assert purchases.shape == (len(x), len(horizons))
    rate = (parameters["r"] + x) / (parameters["alpha"] + T)
    never_leaves = rate * model.p_alive(parameters, *histories)
    tiny = 1e-8 * purchases[:, -1:]
    growth = np.diff(purchases)
    assert (purchases[:, 0] == 0).all()
    assert (growth >= -tiny).all()
    assert (np.diff(growth) <= tiny).all()
    assert (growth[:, 0] <= 4 * never_leaves * (1 + 1e-8)).all()


@given(models, purchase_parameters, histories(), logarithmic(1, 1_000))
@many_cases
def test_a_horizon_does_not_know_of_the_others(model, parameters, histories, horizon):
    alone = model.expected_purchases(parameters, *histories, horizon)
    assert alone.shape == histories[0].shape
    among_others = model.expected_purchases(parameters, *histories, [[0, horizon], [3_000, 1]])
    assert among_others.shape == (*alone.shape, 2, 2)
    assert among_others[:, 0, 1] == pytest.approx(alone, rel=1e-8, abs=1e-300)


@given(models, purchase_parameters, histories(), st.sampled_from(UNITS))
@many_cases
def test_scores_do_not_know_the_unit_of_time(model, parameters, histories, unit):
    x, t_x, T = histories
    horizons = np.array([1, 30, 1_000])
    converted = parameters | {"alpha": parameters["alpha"] * unit}
    assert model.expected_purchases(
        converted, x, t_x * unit, T * unit, horizons * unit
    ) == pytest.approx(
        model.expected_purchases(parameters, x, t_x, T, horizons), rel=1e-7, abs=1e-300
    )


# --- Fits of customers who buy --------------------------------------------------------------------


@st.composite
def shops(draw):
    """Histories in whole days of some hundred customers, so that some histories are the same."""
    model = draw(models)
    truth = {"r": 0.8, "alpha": 60.0, "a": 0.8, "b": 2.5}
    customers = simulate(
        model, truth, T=np.arange(600) % 300 + 30, seed=draw(st.integers(0, 10_000))
    )
    t_x = np.ceil(customers.t_x)
    return model, np.array([customers.x, t_x, customers.T], dtype=float)


def assert_same(fit, other, unit=1.0, log_unit=0.0):
    """Equal to seven digits, if the other fit has a unit that is `unit` times as large."""
    assert other.converged == fit.converged
    assert other.customers == fit.customers
    if fit.converged:
        carries_unit = {"alpha", "v"}
        assert other.parameters == pytest.approx(
            {
                name: value * unit if name in carries_unit else value
                for name, value in fit.parameters.items()
            },
            rel=1e-7,
        )
        assert other.log_likelihood == pytest.approx(fit.log_likelihood - log_unit)


@given(shops())
def test_fits_do_not_know_the_unit_of_time(shop):
    model, (x, t_x, T) = shop
    fit = model.fit(x, t_x, T)
    for unit in UNITS:
        assert_same(fit, model.fit(x, t_x * unit, T * unit), unit, np.log(unit) * x.sum())


@given(shops(), st.randoms(use_true_random=False))
def test_fits_do_not_know_the_order_of_customers(shop, random):
    model, histories = shop
    order = random.sample(range(histories.shape[1]), histories.shape[1])
    assert_same(model.fit(*histories), model.fit(*histories[:, order]))


@given(shops())
def test_fits_of_grouped_customers_are_the_same(shop):
    model, histories = shop
    distinct, weights = np.unique(histories, axis=1, return_counts=True)
    assert len(weights) < histories.shape[1]
    assert_same(model.fit(*histories), model.fit(*distinct, weights))
    nobody = np.append(distinct, [[9], [1], [300]], axis=1)
    assert_same(model.fit(*histories), model.fit(*nobody, np.append(weights, 0)))


# --- Values ---------------------------------------------------------------------------------------


@st.composite
def baskets(draw):
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    x = random.integers(0, 6, 400)
    return x, random.gamma(3.0, 1 / random.gamma(4.0, 1 / 90, 400)).round()


@given(baskets())
def test_fits_do_not_know_the_unit_of_money_or_the_order_or_grouping_of_rows(basket):
    x, mean_value = basket
    fit = gamma_gamma.fit(x, mean_value)
    assert fit.converged
    for unit in UNITS:
        log_unit = np.log(unit) * fit.customers
        assert_same(fit, gamma_gamma.fit(x, mean_value * unit), unit, log_unit)
    distinct, weights = np.unique([x, mean_value], axis=1, return_counts=True)
    assert len(weights) < len(x)
    assert_same(fit, gamma_gamma.fit(*distinct[:, ::-1], weights[::-1]))


@given(logarithmic(0.1, 50), logarithmic(1.01, 50), logarithmic(0.1, 1e4), st.integers(0, 5_000))
@many_cases
def test_a_value_lies_between_the_customers_own_and_everyones(p, q, v, x):
    everyones = p * v / (q - 1)
    for own in (0.5 * everyones, 2 * everyones):
        [value] = gamma_gamma.expected_value({"p": p, "q": q, "v": v}, [x], [own])
        low, high = sorted([own, everyones])
        assert low * (1 - 1e-9) <= value <= high * (1 + 1e-9)
        if x == 0:
            assert value == pytest.approx(everyones)


# --- Renewals -------------------------------------------------------------------------------------

renewal_parameters = st.fixed_dictionaries(
    {"alpha": logarithmic(0.01, 100) | st.just(1.0), "beta": logarithmic(0.01, 100)}
)


@given(renewal_parameters)
@many_cases
def test_customers_renew_ever_more_faithfully(parameters):
    survival = sbg.survival(parameters, range(0, 60))
    retention = sbg.retention_rate(parameters, range(1, 60))
    assert survival[0] == 1
    assert (np.diff(retention) >= 0).all()
    assert survival[1:] == pytest.approx(np.cumprod(retention), rel=1e-9)


@given(
    renewal_parameters,
    st.integers(0, 5_000),
    logarithmic(1e-4, 1),
    st.integers(1, 1_100) | st.just(np.inf),
)
@many_cases
def test_a_residual_lifetime_is_the_next_renewal_and_what_comes_after(
    parameters, made, discount_rate, horizon
):
    now = sbg.discounted_residual_lifetime(parameters, [made], discount_rate, horizon)
    next_time = sbg.discounted_residual_lifetime(parameters, [made + 1], discount_rate, horizon - 1)
    retention = sbg.retention_rate(parameters, made + 1)
    assert now == pytest.approx(retention * (1 + next_time / (1 + discount_rate)), rel=1e-8)
    if made == 0:
        lifetime = sbg.discounted_lifetime(parameters, discount_rate, horizon + 1)
        assert lifetime == pytest.approx(1 + now[0] / (1 + discount_rate), rel=1e-9)


@given(st.integers(0, 10_000))
def test_fits_do_not_know_the_grouping_of_renewals(seed):
    random = np.random.default_rng(seed)
    lifetime = random.geometric(random.beta(0.9, 4.0, 2_000))
    watched = random.integers(0, 25, len(lifetime))
    intervals, is_lost = np.minimum(lifetime, watched), lifetime <= watched
    distinct, index = np.unique(intervals, return_inverse=True)
    lost, running = np.bincount(index, is_lost), np.bincount(index, ~is_lost)
    fit = sbg.fit(intervals, is_lost, ~is_lost)
    assert fit.converged
    assert_same(fit, sbg.fit(distinct[::-1], lost[::-1], running[::-1]))
