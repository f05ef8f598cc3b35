"""The lives of the generated subscriptions, as a billing system writes them down."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from shop.chance import Dice
from shop.days import AS_OF, add_months, not_after_the_end
from shop.people import CHANNELS, Shopper
from shop.plans import (
    FAILURE_REASONS,
    OFFICE_QUANTITIES,
    OFFICE_STEPS,
    PLAN_CHANGES,
    PLANS,
    PLANS_BESIDE,
    PLANS_OF_RETURN,
    PLANS_WITH_TRIAL,
    VOLUNTARY_REASONS,
)
from shop.tables import Row, Value, money

FOREVER = 10**6


def subscriptions_of(shopper: Shopper, first: datetime) -> list[Row]:
    """Return all versions of all subscriptions of one customer: up to three subscriptions."""
    dice = Dice(shopper.customer_id, "subscriptions")
    plan = dice.pick({name: plan.share for name, plan in PLANS.items()})
    lives: list[Subscription] = []
    started_at: datetime | None = first
    while started_at and started_at < AS_OF:
        key = f"s-{shopper.customer_id[2:]}-{len(lives) + 1}"
        lives.append(Subscription(dice, shopper, key, started_at, plan))
        lives[-1].live()
        started_at, plan = next_start(dice, lives, first)
    return [row for life in lives for row in life.rows]


def next_start(
    dice: Dice, lives: list[Subscription], first: datetime
) -> tuple[datetime | None, str]:
    """Return start and plan of a further subscription, after the last one or beside the first."""
    last = lives[-1]
    if len(lives) == 3:
        return None, ""
    if last.ended_at and last.left_voluntarily and dice.chance(0.17):
        started_at = last.ended_at + timedelta(days=20.0 + int(dice.exponential(90.0)))
        return started_at, dice.pick(PLANS_OF_RETURN)
    if len(lives) == 1 and dice.chance(0.05):
        delay = timedelta(days=dice.between(20, 300), seconds=dice.between(0, 9999))
        return first + delay, dice.pick(PLANS_BESIDE)
    return None, ""


class Subscription:
    """The life of one subscription; `rows` are the versions that the billing system exports."""

    def __init__(
        self, dice: Dice, shopper: Shopper, key: str, started_at: datetime, plan: str
    ) -> None:
        """Prepare the subscription; nothing is recorded yet."""
        self.dice = dice
        self.churn_factor = CHANNELS[shopper.channel].churn_factor
        self.rows: list[Row] = []
        self.ended_at: datetime | None = None
        self.left_voluntarily = False
        self.state: Row = {
            "subscription_id": key,
            "customer_id": shopper.customer_id,
            "started_at": started_at,
            "status": "active",
            "quantity": 1,
            "currency": shopper.currency,
            "is_test": False,
        }
        self.currency = shopper.currency
        self.quantity = 1
        self.discount_rate = 0.0
        self.discounted_periods = 0
        self.set_plan(plan, started_at)

    def set_plan(self, name: str, moment: datetime) -> None:
        """Move to a plan; its billing periods count from this moment."""
        self.plan_name, self.plan = name, PLANS[name]
        self.anchor, self.period = moment, 0
        self.hazard = min(self.dice.beta(*self.plan.hazard) * self.churn_factor, 0.95)
        if name == "office":
            self.quantity = self.dice.pick(OFFICE_QUANTITIES)

    def boundary(self, number: int) -> datetime:
        """Return the end of the given number of billing periods."""
        step = number * self.plan.count
        if self.plan.interval == "week":
            return self.anchor + timedelta(days=7 * step)
        return add_months(self.anchor, step * (12 if self.plan.interval == "year" else 1))

    # --- The course of a life -------------------------------------------------------------------

    def live(self) -> None:
        """Live from the start to the end, or to the end of the data, period by period."""
        stays = self.start()
        while stays:
            begin, end = self.boundary(self.period), self.boundary(self.period + 1)
            if begin >= AS_OF:
                return
            if self.dice.chance(self.hazard):
                self.leave_at_renewal(begin, end)
                return
            if self.moves_to_another_plan(begin, end):
                continue
            if end >= AS_OF:
                return
            stays = self.renew(end)
            self.period += 1

    def start(self) -> bool:
        """Record the start; return whether the customer stays after a trial, if there is one."""
        started_at = self.anchor
        dice = self.dice
        if not self.plan.is_free and dice.chance(0.16):
            self.discount_rate = dice.pick({0.1: 2, 0.2: 3, 0.25: 1})
            self.discounted_periods = dice.pick({3: 2, 6: 1, FOREVER: 2})
        has_trial = self.plan_name in PLANS_WITH_TRIAL and dice.chance(0.28)
        if not has_trial:
            self.record(started_at)
            return True
        trial_end = started_at + timedelta(days=14)
        self.record(
            started_at,
            status="trialing",
            trial_ends_at=trial_end,
            current_period_ends_at=trial_end,
        )
        self.anchor = trial_end
        if dice.chance(0.24):
            requested_at = started_at + timedelta(days=dice.between(1, 13))
            self.end(trial_end, "", cancel_requested_at=requested_at)
            return False
        self.record(trial_end, status="active")
        return True

    def leave_at_renewal(self, begin: datetime, end: datetime) -> None:
        """Decide in the last part of a billing period to leave at its end."""
        notice = min((end - begin) * 0.85, timedelta(days=40)) * self.dice.unit()
        requested_at = (end - notice).replace(microsecond=0)
        if requested_at < AS_OF:
            self.leave(requested_at, end)

    def moves_to_another_plan(self, begin: datetime, end: datetime) -> bool:
        """Perhaps change something within a billing period; return whether it is the plan."""
        monthly_change = 0.3 if self.plan.is_free else 0.022
        if not self.dice.chance(1.0 - (1.0 - monthly_change) ** self.plan.months):
            return False
        share = 0.05 + 0.9 * self.dice.unit()
        moment = (begin + (end - begin) * share).replace(microsecond=0)
        before = self.plan_name
        self.change(moment)
        return self.plan_name != before

    def renew(self, moment: datetime) -> bool:
        """Begin the next billing period; return whether the customer stays."""
        if self.period + 1 == self.discounted_periods and self.discount_rate:
            self.discount_rate = 0.0
            self.period += 1
            self.record(moment)
            self.period -= 1
        if self.plan.is_free:
            return True
        if self.dice.chance(0.03 * min(self.plan.months, 2.0)):
            return self.miss_payment(moment)
        if self.plan.months <= 1 and self.dice.chance(0.013 * self.plan.months):
            return self.pause(moment)
        return True

    # --- What can happen ------------------------------------------------------------------------

    def change(self, moment: datetime) -> None:
        """Change the quantity or the plan."""
        name = self.dice.pick(PLAN_CHANGES[self.plan_name])
        if name != self.plan_name:
            self.set_plan(name, moment)
        elif name == "office":
            low, high = min(OFFICE_QUANTITIES), max(OFFICE_QUANTITIES)
            self.quantity = min(max(self.quantity + self.dice.pick(OFFICE_STEPS), low), high)
        else:
            self.quantity = 1 if self.quantity > 1 else 2
        self.record(moment)

    def miss_payment(self, moment: datetime) -> bool:
        """Go past due; return whether the payment came in the end."""
        self.record(moment, status="past_due")
        if self.dice.chance(0.62):
            self.record(moment + timedelta(days=self.dice.between(1, 11)), status="active")
            return True
        given_up_at = moment + timedelta(days=14)
        if self.dice.chance(0.15):
            self.record(given_up_at, status="unpaid")
            given_up_at += timedelta(days=self.dice.between(10, 40))
        self.end(given_up_at, self.dice.pick(FAILURE_REASONS))
        return False

    def pause(self, moment: datetime) -> bool:
        """Pause for one to three months; return whether the customer came back."""
        self.record(moment, status="paused")
        back_at = add_months(moment, self.dice.between(1, 3))
        if self.dice.chance(0.75):
            self.anchor, self.period = back_at, -1  # the caller moves on to period 0
            self.record(back_at, status="active", current_period_ends_at=self.boundary(1))
            return back_at < AS_OF
        self.left_voluntarily = True
        self.end(back_at, self.dice.pick(VOLUNTARY_REASONS), cancel_requested_at=back_at)
        return False

    def leave(self, requested_at: datetime, end: datetime) -> None:
        """Leave by choice, in one of the ways in which billing systems write it down."""
        reason = self.dice.pick(VOLUNTARY_REASONS)
        self.left_voluntarily = True
        way = self.dice.pick({"scheduled": 0.5, "at once": 0.22, "period": 0.28})
        if way == "at once" and self.plan.months <= 1:
            self.end(requested_at, reason, cancel_requested_at=requested_at)
            return
        self.ended_at = end
        known: Row = {"cancel_requested_at": requested_at, "cancel_reason": reason}
        if way == "period" or end >= AS_OF:
            self.record(requested_at, status="canceled", current_period_ends_at=end, **known)
            return
        self.record(requested_at, ended_at=end, **known)
        if self.dice.chance(0.5):
            self.record(end, status="canceled")

    def end(self, moment: datetime, reason: str, **changes: Value) -> None:
        """Record the end of the subscription, known at this moment."""
        self.record(moment, status="canceled", ended_at=moment, cancel_reason=reason, **changes)
        self.ended_at = moment

    # --- Writing it down ------------------------------------------------------------------------

    def record(self, moment: datetime, **changes: Value) -> None:
        """Write down the state from this moment on; nothing is known after the end of the data."""
        if moment >= AS_OF:
            return
        price = Decimal(self.plan.prices[self.currency])
        self.state |= {
            "plan_id": self.plan_name,
            "amount": price,
            "billing_interval": self.plan.interval,
            "interval_count": self.plan.count,
            "quantity": self.quantity,
            "discount_amount": money(float(price * self.quantity) * self.discount_rate),
            "current_period_ends_at": self.boundary(self.period + 1),
        }
        self.state |= changes
        self.deliver(moment)

    def deliver(self, moment: datetime) -> None:
        """Export the state: usually within minutes, sometimes late, undated or corrected."""
        dice = self.dice
        delay = timedelta(seconds=dice.between(1, 240))
        if self.rows and dice.chance(0.02):
            late = timedelta(days=dice.between(3, 40), seconds=dice.between(0, 40000))
            delay = late if moment + late < AS_OF else delay
        row = self.state | {
            "effective_at": moment,
            "updated_at": not_after_the_end(moment + delay),
        }
        if self.state["currency"] == "USD" and dice.chance(0.04):
            row["currency"] = None
        if self.rows and delay.days == 0 and dice.chance(0.08):
            row["effective_at"] = None  # then `updated_at` is the effective moment
        elif self.rows and delay.days == 0 and dice.chance(0.03):
            # Corrected some weeks later: the same moment again, delivered with a later update.
            corrected_at = moment + timedelta(days=dice.between(9, 50))
            if corrected_at < AS_OF:
                self.rows.append(row | {"quantity": self.quantity + 1, "cancel_reason": None})
                row["updated_at"] = corrected_at
        self.rows.append(row)
