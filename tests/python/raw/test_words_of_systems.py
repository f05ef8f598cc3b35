"""The seeds know the words that billing systems write."""

import csv

import pytest
from conftest import ROOT


@pytest.fixture(scope="module")
def reasons():
    with (ROOT / "seeds/churn_reasons.csv").open(encoding="utf-8", newline="") as lines:
        return {row["raw_reason"]: row for row in csv.DictReader(lines)}


@pytest.mark.parametrize(
    "word",
    [
        # Stripe
        "payment_failed",
        "payment_disputed",
        # Chargebee, by its API and by its own export
        "not_paid",
        "no_card",
        "not paid",
        "no card",
        # Recurly
        "nonpayment",
        "nonpayment_gift",
        "nonpayment_trial",
        "tax_location_invalid",
    ],
)
def test_what_was_not_paid_was_no_choice_of_the_customer(reasons, word):
    assert reasons[word]["reason"] == "payment failure"
    assert reasons[word]["is_voluntary"] == "false"


@pytest.mark.parametrize("word", ["cancellation_requested", "canceled"])
def test_a_word_that_only_says_that_the_customer_left_is_no_reason(reasons, word):
    assert reasons[word]["reason"] == "(none)"
    assert reasons[word]["is_voluntary"] == "true"
