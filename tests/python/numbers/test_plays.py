"""Plays, compared with a second count that walks through the days of each customer."""

from datetime import date, time
from decimal import Decimal
from fractions import Fraction
from random import Random
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import yaml
from conftest import ROOT
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from play_oracle import PlayOracle, arm_of
from scipy.stats import chi2, chisquare
from shops.oracle import DAY, check_marts, read_seed
from shops.play_shop import PlayShop

from estimation.contact_days import due_days
from estimation.enrolment import enrol

KEYS = {
    "plays.fct_play_enrollments": ["customer_id", "play_id", "enrolled_on"],
    "plays.audiences": ["play_id", "customer_id", "step"],
    "plays.rpt_play_contacts": ["play_id", "step", "month"],
}
MODELS = [f"+{mart.split('.')[1]}" for mart in KEYS]
# (timezone, as_of, contacts_per_week)
CASES = {
    "utc": ("UTC", date(2025, 10, 1), 2),
    "west": ("America/New_York", date(2025, 11, 3), 1),
    "east": ("Asia/Kolkata", date(2025, 6, 18), 3),
}
CUSTOMERS = 250
# The generated customers of the sample, with those who never bought.
SAMPLE_CUSTOMERS = 2_090


def variables(shop, as_of, contacts_per_week):
    return {
        "reporting_timezone": shop.zone.key,
        "as_of_date": as_of.isoformat() if as_of else "",
        "contacts_per_week": contacts_per_week,
    }


def run(warehouse, shop, as_of, contacts_per_week):
    settings_of_shop = variables(shop, as_of, contacts_per_week)
    warehouse.fill(shop.files, "--select", *MODELS, variables=settings_of_shop)
    return warehouse.tables(KEYS)


def with_contacts(shop, contacts_per_week):
    """Let the shop send contacts: for that it needs to know who is due."""
    oracle = PlayOracle(shop.tables, shop.zone, shop.as_of, contacts_per_week)
    shop.send_contacts(
        [
            (enrolment.customer, enrolment.play["play_id"], step, day)
            for enrolment in oracle.enrolments
            for step, day in enrolment.due
        ],
        [
            (enrolment.customer, enrolment.play["play_id"], enrolment.day)
            for enrolment in oracle.enrolments
            if enrolment.arm == "holdout"
        ],
    )
    return PlayOracle(shop.tables, shop.zone, shop.as_of, contacts_per_week)


def columns_of_the_oracle(oracle, found):
    """The tables without the columns that the oracle does not count."""
    kept = {}
    for mart, rows in found.items():
        columns = set(next(iter(getattr(oracle, mart.split(".")[1])()), {}))
        kept[mart] = [{name: row[name] for name in columns} for row in rows]
    return kept


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=max(settings().max_examples // 5, 1), phases=[Phase.generate])
@given(seed=st.integers(0, 2**64))
def test_every_enrolment_and_contact_is_what_the_oracle_counts(warehouse, case, seed):
    timezone, as_of, contacts_per_week = CASES[case]
    shop = PlayShop(f"{case} {seed}", CUSTOMERS, ZoneInfo(timezone), as_of)
    oracle = with_contacts(shop, contacts_per_week)
    found = run(warehouse, shop, as_of, contacts_per_week)
    check_marts(oracle, columns_of_the_oracle(oracle, found), KEYS)


# The moments that move as_of.
EVENTS = ["ordered_at", "started_at", "effective_at", "cancel_requested_at", "ended_at"]


@pytest.mark.parametrize("quiet_days", [0, 3, 9])
def test_the_list_after_quiet_days_has_what_was_due_on_them(warehouse, quiet_days):
    """The shop sells on its last day, and on none of the days before it."""
    timezone, as_of, contacts_per_week = CASES["east"]
    shop = PlayShop(f"{quiet_days} quiet days", CUSTOMERS, ZoneInfo(timezone), as_of)
    last_day = as_of - DAY
    day_before = last_day - (quiet_days + 1) * DAY
    quiet_from = shop.moment(day_before + DAY, time(0))
    for table in ("orders", "subscriptions"):
        shop.tables[table] = [
            row
            for row in shop.tables[table]
            if not any(row.get(name) and row[name] >= quiet_from for name in EVENTS)
        ]
    for day in (day_before, last_day):
        order = {"order_id": f"one of {day}", "ordered_at": shop.moment(day)}
        shop.add("orders", customer_id="one more", amount=Decimal("9.00"), **order)
    # A night looks back for a week at most.
    previous_as_of = max(day_before + DAY, as_of - 7 * DAY)
    oracle = PlayOracle(shop.tables, shop.zone, as_of, contacts_per_week, previous_as_of)
    found = run(warehouse, shop, None, contacts_per_week)["plays.audiences"]
    expected = list(oracle.audiences())
    kept = [{name: row[name] for name in expected[0]} for row in found]
    assert sorted(kept, key=repr) == sorted(expected, key=repr)
    assert len({row["due_on"] for row in found}) > min(quiet_days, 2)


def test_a_renewal_is_worth_what_leaves_until_the_contract_ends(warehouse):
    """The model divides survivals. The law multiplies the hazards of each day."""
    timezone, as_of, contacts_per_week = CASES["utc"]
    shop = PlayShop("renewals", CUSTOMERS, ZoneInfo(timezone), as_of)
    found = run(warehouse, shop, as_of, contacts_per_week)["plays.audiences"]
    assert any(row["expected_worth"] for row in found if row["play_id"] == "renewal_due")
    law = "audiences__rank_by_what_core_and_clv_say"
    set_for_shop = variables(shop, as_of, contacts_per_week)
    [result] = warehouse.dbt("test", "--select", law, variables=set_for_shop).results
    assert result.status == "pass"


YEARS = [date(2025 + month // 12, month % 12 + 1, 15) for month in range(24)]


@pytest.mark.parametrize(
    ("as_of", "nights"),
    [
        (date(2025, 11, 3), [date(2025, 2, 1), date(2025, 6, 15), date(2025, 10, 30)]),
        pytest.param(date(2027, 1, 4), YEARS, marks=pytest.mark.torture),
    ],
    ids=["three nights", "24 months"],
)
def test_night_by_night_gives_the_same_as_all_at_once(warehouse, as_of, nights):
    """An earlier night of the same files knows the beginning of what a later one knows."""
    timezone, _, contacts_per_week = CASES["west"]
    shop = PlayShop("night by night", CUSTOMERS, ZoneInfo(timezone), as_of)
    later = run(warehouse, shop, as_of, contacts_per_week)
    before, due = set(), 0
    for night in nights:
        earlier = run(warehouse, shop, night, contacts_per_week)
        due += len(earlier["plays.audiences"])
        for mart, day in (
            ("plays.fct_play_enrollments", "enrolled_on"),
            ("plays.audiences", "due_on"),
        ):
            assert all(row[day] <= night for row in earlier[mart])
        kept = ("customer_id", "play_id", "arm", "enrolled_on", "window_ends_on")
        assert before <= known(earlier, night, kept) == known(later, night, kept)
        before = known(earlier, night, kept)
        left = (*kept, "left_on", "left_because")
        has_left = {row for row in known(later, night, left) if row[5] and row[5] <= night}
        assert has_left == {row for row in known(earlier, night, left) if row[5]}
    assert before and due


def test_the_same_rows_give_the_same_and_a_late_row_moves_one_customer(warehouse):
    timezone, as_of, contacts_per_week = CASES["east"]
    shop = PlayShop("a late row", CUSTOMERS, ZoneInfo(timezone), as_of)
    # Nobody was sent by this customer, and one gap more of the shop's hundreds moves no median.
    bought_on = date(2025, 3, 20)
    late = next(
        row["customer_id"]
        for row in shop.tables["customers"]
        if row["referred_by_customer_id"] is None and row["marketing_consent"]
    )
    first = run(warehouse, shop, as_of, contacts_per_week)
    for rows in shop.tables.values():
        Random("any order").shuffle(rows)
    again = run(warehouse, shop, as_of, contacts_per_week)
    assert all(
        sorted(map(repr, again[mart])) == sorted(map(repr, rows)) for mart, rows in first.items()
    )
    shop.add("orders", customer_id=late, ordered_at=shop.moment(bought_on), amount=Decimal("9.00"))
    with_late_row = run(warehouse, shop, as_of, contacts_per_week)
    moved = rows_of(first) ^ rows_of(with_late_row)
    assert moved
    assert {dict(row)["customer_id"] for row in moved} == {late}
    # What was decided before that day stays; a window that was open then may end otherwise.
    assert all(dict(row)["window_ends_on"] > bought_on for row in moved)


def rows_of(tables):
    """The enrolments without what later purchases add to them."""
    return {
        tuple((name, row[name]) for name in ("customer_id", "play_id", "arm", "enrolled_on"))
        + tuple((name, row[name]) for name in ("window_ends_on", "left_on", "converted_on"))
        for row in tables["plays.fct_play_enrollments"]
    }


def known(tables, night, columns):
    """The enrolments up to a night."""
    return {
        tuple(row[column] for column in columns)
        for row in tables["plays.fct_play_enrollments"]
        if row["enrolled_on"] <= night
    }


# --- Arms -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("holdout_share", ["0.1", "0.25", "0.5"])
def test_the_arms_have_the_share_that_is_set(holdout_share):
    play = {"play_id": "win_back_buyers", "holdout_share": Fraction(holdout_share)}
    count = 20_000
    held_out = sum(arm_of(f"customer {number}", play) == "holdout" for number in range(count))
    expected = float(Fraction(holdout_share)) * count
    assert chisquare([held_out, count - held_out], [expected, count - expected]).pvalue > 0.001


def test_the_delivered_salt_deals_the_sample_the_shares_that_are_set():
    """All plays with a holdout, over all customers of the sample; and each play by itself."""
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    customers = [f"c-{number:05}" for number in range(1, SAMPLE_CUSTOMERS + 1)]
    held_out, expected, spread, plays = 0, 0.0, 0.0, read_seed("plays")
    for play in (play | {"holdout_share": Fraction(play["holdout_share"])} for play in plays):
        share, count = float(play["holdout_share"]), len(customers)
        if share:
            arms = [arm_of(name, play, project["vars"]["play_salt"]) for name in customers]
            counts = [arms.count("holdout"), arms.count("treatment")]
            shares = [share * count, (1 - share) * count]
            assert chisquare(counts, shares).pvalue > 0.05, play["play_id"]
            held_out, expected = held_out + counts[0], expected + shares[0]
            spread += share * (1 - share) * count
    assert chi2.sf((held_out - expected) ** 2 / spread, df=1) > 0.05


# --- The walk -------------------------------------------------------------------------------------


def enrolled_one_by_one(triggers, rules):
    """Each day of each customer in turn: (trigger, day of leaving, whether another play took over).

    A trigger is (customer, priority, day, day of leaving).
    """
    stays = {}
    order = sorted(range(len(triggers)), key=lambda place: triggers[place][2::-1])
    order.sort(key=lambda place: (triggers[place][0], triggers[place][2], triggers[place][1]))
    for place in order:
        customer, priority, day, leaves = triggers[place]
        cooldown, most = rules[priority]
        mine = {other: stay for other, stay in stays.items() if triggers[other][0] == customer}
        running = [other for other, (left, _) in mine.items() if left > day]
        if any(triggers[other][1] <= priority for other in running):
            continue
        past = {other: stay for other, stay in mine.items() if triggers[other][1] == priority}
        if any(left + cooldown > day for left, _ in past.values()):
            continue
        if most is not None and sum(day - triggers[other][2] < 365 for other in past) >= most:
            continue
        for other in running:
            stays[other] = (day, True)
        stays[place] = (leaves, False)
    return {(place, left, taken) for place, (left, taken) in stays.items()}


@settings(max_examples=100, phases=[Phase.generate])
@given(seed=st.integers(0, 2**64))
def test_the_walk_is_the_greedy_one(seed):
    random = Random(seed)
    rules = {
        priority: (random.choice([0, 1, 10, 90]), random.choice([None, 1, 2, 3]))
        for priority in random.sample(range(1, 30), random.randint(1, 5))
    }
    triggers = list(
        {
            (customer, random.choice(list(rules)), random.randrange(20_000, 20_900)): None
            for customer in range(random.randint(1, 8))
            for _ in range(random.randint(0, 40))
        }
    )
    random.shuffle(triggers)
    triggers = [(*trigger, trigger[2] + random.choice([1, 2, 14, 60])) for trigger in triggers]
    columns = np.array(triggers, np.int64).reshape(-1, 4).T
    found = enrol(*columns, rules)
    assert set(
        zip(found.places.tolist(), found.leaves.tolist(), found.is_outranked.tolist(), strict=True)
    ) == enrolled_one_by_one(triggers, rules)


def test_nobody_is_enrolled_without_triggers_or_plays():
    nothing = np.empty(0, np.int64)
    assert enrol(nothing, nothing, nothing, nothing, {}).places.size == 0
    assert enrol(nothing, nothing, nothing, nothing, {1: (0, None)}).places.size == 0


# --- The weekly cap -------------------------------------------------------------------------------


def test_a_contact_waits_for_the_next_free_day_and_takes_no_place_if_nobody_is_there_for_it():
    # Two a week. The first customer: planned for the days 1, 2, 3 and 12, and there until day 30.
    # The second leaves on day 4, before the contact of day 3 can be due, and comes back on day 5.
    customer = [0, 0, 0, 0, 1, 1, 1, 1]
    planned = [1, 2, 3, 12, 1, 2, 3, 5]
    leaves = [30, 30, 30, 30, 4, 4, 4, 30]
    columns = (np.array(column, np.int64) for column in (customer, planned, leaves))
    assert due_days(*columns, 2).tolist() == [1, 2, 8, 12, 1, 2, 8, 8]
    columns = (np.array(column, np.int64) for column in ([0, 0, 0], [0, 1, 6], [3, 3, 30]))
    assert due_days(*columns, 1).tolist() == [0, 7, 7]


def due_day_by_day(contacts, contacts_per_week):
    """The due days of one customer, from (planned, leaves): each morning looks back for a week."""
    due, sent = [], []
    waiting = list(contacts)
    for morning in range(10_000):
        while waiting and waiting[0][0] <= morning:
            if sum(morning - day < 7 for day in sent) >= contacts_per_week:
                break
            _, leaves = waiting.pop(0)
            due.append(morning)
            if morning < leaves:
                sent.append(morning)
    return due


@settings(max_examples=100, phases=[Phase.generate])
@given(seed=st.integers(0, 2**64))
def test_due_days_are_those_of_a_walk_through_the_days(seed):
    random = Random(seed)
    contacts_per_week = random.choice([1, 2, 3, 50])
    rows, expected = [], []
    for customer in random.sample(range(100), random.randint(0, 6)):
        planned = sorted(random.randrange(100) for _ in range(random.randint(1, 30)))
        contacts = [(day, day + random.choice([1, 2, 5, 40])) for day in planned]
        rows += [(customer, *contact) for contact in contacts]
        expected += due_day_by_day(contacts, contacts_per_week)
    columns = np.array(rows, np.int64).reshape(-1, 3).T
    assert due_days(*columns, contacts_per_week).tolist() == expected
