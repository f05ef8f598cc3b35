"""What exports call the columns of the contract."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

from landing.words import nearest

# What exports call the columns of the contract, the likelier names first.
_CALLED = {
    "order_id": "order id, order number, order no, order, invoice number, invoice, transaction id,"
    " receipt, bestellnummer, auftragsnummer, rechnungsnummer, belegnummer, nummer, number, id",
    "customer_id": "customer id, customer number, client id, user id, account id, kundennummer,"
    " customer email, email, e mail, buyer, customer, client, kunde",
    "ordered_at": "ordered at, order date, purchase date, created at, billed at, paid at,"
    " invoice date, bestelldatum, rechnungsdatum, date time, timestamp, datum, date, time, created",
    "amount": "amount, net amount, subtotal, net, price, item price, total, unit price, gross,"
    " revenue, value, spend, cost, nettobetrag, betrag, summe, preis",
    "currency": "currency, currency code, waehrung, wahrung",
    "status": "status, order status, state, payment status",
    "channel": "channel, sales channel, source, store, kanal, campaign, platform",
    "discount_amount": "discount amount, discount, rabatt",
    "tax_amount": "tax amount, tax, vat, item tax, mwst, steuer",
    "shipping_amount": "shipping amount, shipping, shipping price, postage, versandkosten, versand",
    "subscription_id": "subscription id, subscription, contract id, id",
    "updated_at": "updated at, last updated date, last modified, modified, geaendert",
    "refund_id": "refund id, refund number, credit note, id",
    "refunded_at": "refunded at, refund date, refund time, created at, date, datum",
    "signed_up_at": "signed up at, signup date, registered, created at, registriert, date, datum",
    "country": "country, country code, land, billing country, shipping country",
    "acquisition_channel": "acquisition channel, utm source, first source, source",
    "email": "email, e mail, customer email",
    "started_at": "started at, start date, start, created at, created, beginn, date",
    "ended_at": "ended at, end date, canceled at, cancelled at, ende",
    "billing_interval": "billing interval, interval, billing period unit, period, intervall",
    "interval_count": "interval count, billing period",
    "plan_id": "plan id, plan, price id, product id, product, tarif",
    "quantity": "quantity, qty, seats, menge",
    "trial_ends_at": "trial ends at, trial end",
    "spend_date": "spend date, day, date, datum, tag",
    "rate_date": "rate date, date, day, datum",
    "rate": "rate, exchange rate, kurs",
}
# Words that say too little as a part of a longer name: any id is called id.
_GENERIC = re.compile(
    "id|number|nummer|date|datum|time|created|net|value|source|total|state|store|start|day|tag|"
    "period|status|price|land|order|customer|client|kunde|rate"
)
# Names of an id that do not say of what.
_ANY_ID = ("id", "number", "nummer", "no", "nr")
# A name that only looks alike counts for less than one that is known.
_ALIKE, LEAST = 0.85, 0.6


def _words(name: str) -> str:
    plain = name.lower().translate(str.maketrans({"ä": "a", "ö": "o", "ü": "u", "ß": "s"}))
    return " ".join(re.findall("[a-z0-9]+", plain))


def likeness(wanted: str, given: str) -> float:
    """Return how much a file's column is called like one of the contract, from 0 to 1."""
    given = _words(given)
    names = [_words(wanted), *(_CALLED.get(wanted, "").split(", "))]
    best = 0.0
    for place, name in enumerate(filter(None, names)):
        if name == given:
            best = max(best, 1 - 0.02 * place)
        elif not _GENERIC.fullmatch(name) and f" {name} " in f" {given} ":
            best = max(best, 0.85 - 0.02 * place)
    alike = SequenceMatcher(None, given, _words(wanted)).ratio()
    return best or (0.65 if alike >= _ALIKE else 0.0)


def is_named(wanted: str, given: str) -> bool:
    """Tell whether a file's column is called like an id of the contract, and not just id."""
    return likeness(wanted, given) >= LEAST and _words(given) not in _ANY_ID


def probable(wanted: str, given: Iterable[str]) -> str:
    """Return the column of a file that may be meant by one of the contract; '' if none may be."""
    given = list(given)
    best = max(given, key=lambda column: likeness(wanted, column), default="")
    return best if best and likeness(wanted, best) >= LEAST else nearest(wanted, given)
