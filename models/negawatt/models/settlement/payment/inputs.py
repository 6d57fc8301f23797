"""What a payment is computed from: one event, or one period with its events.

Every quantity is optional, because programs ask for different ones; one that a program asks for
and that is not known is refused by name, never taken as zero. Not here: what becomes of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NoReturn

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE
from negawatt.models.settlement.payment.components import PriceTerm
from negawatt.models.settlement.payment.money import Price
from negawatt.models.settlement.rounding import exactly

Known = tuple[Decimal | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplied:
    """Prices that a program takes from outside, by the name that its file gives them.

    Attributes:
        subject: The event or period, as messages name it.
        prices: Prices that hold throughout.
    """

    subject: str
    prices: Mapping[str, Price] = field(default_factory=dict)

    def price(self, term: PriceTerm, currency: str) -> Decimal:
        """Return a price for one kWh, or one kW and period.

        Raises:
            DataRefusedError: It is not supplied, or in another currency or unit.
        """
        if term.amount is not None:
            return Price(amount=term.amount, currency=currency, per=term.per).per_base_unit
        return self.checked(term, self.prices.get(str(term.supplied)), currency)

    def checked(self, term: PriceTerm, price: Price | None, currency: str) -> Decimal:
        """Return what a supplied price is for one kWh, or one kW and period."""
        if price is None:
            self.refuse(f"the price {term.supplied!r} in {currency}/{term.per}", "none")
        if (price.currency, price.per) != (currency, term.per):
            self.refuse(f"the price {term.supplied!r} in {currency}/{term.per}", price.text)
        return price.per_base_unit

    def needed(self, name: str) -> Decimal:
        """Return a quantity that the program asks for.

        Raises:
            DataRefusedError: It is not known.
        """
        value: Decimal | None = getattr(self, name)
        if value is None:
            self.refuse(f"{name}, which the program pays by", "none")
        return value

    def refuse(self, expected: str, found: str) -> NoReturn:
        """Refuse to pay."""
        raise DataRefusedError(
            thing=self.subject,
            expected=expected,
            found=found,
            remedy="supply it and pay again; what is not known is not taken as zero",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EventInputs(Supplied):
    """One event.

    Attributes:
        interval_minutes: Length of each interval [min]; divides an hour.
        interval_start_utc: Start of each, oldest first, length n.
        reduction_kwh: Adjusted baseline less metered energy [kWh], length n.
        metered_kwh: Metered energy [kWh], length n; for levels and charges on load.
        comparison_kwh: Comparison load of a guaranteed load drop [kWh], length n.
        day_ahead_kw: What was sold a day ahead [kW], length n.
        dispatched_kw: What was dispatched or accepted [kW], length n.
        interval_prices: Prices of each interval, by name, length n.
        event_number: 1 for the first event of the season.
        is_test: The event was a test.
        committed_kw: Commitment [kW].
        limit_kw: Firm service level [kW].
        peak_load_kw: Peak load contribution [kW].
        loss_factor: Load at the generators over load at the meter.
        net_benefits_per_mwh: Net-benefits price of the month [currency/MWh].
        first_interval_ratio: Share of the first interval inside the sustained response period.
        year_days: Days of the delivery year.
        already_charged: Shortfall charges made before in the delivery year [currency].
        reserve_readings_kw: Load, one reading a minute [kW].
        reserve_start: Position of the event's first minute in it.
        capability_kw: Regulation capability [kW].
        mileage_ratio: Mileage of the signal over that of the reference signal.
        score_ratio: Regulation score.
    """

    interval_minutes: int
    interval_start_utc: tuple[datetime, ...]
    reduction_kwh: Known = ()
    metered_kwh: Known = ()
    comparison_kwh: Known = ()
    day_ahead_kw: Known = ()
    dispatched_kw: Known = ()
    interval_prices: Mapping[str, tuple[Price | None, ...]] = field(default_factory=dict)
    event_number: int | None = None
    is_test: bool = False
    committed_kw: Decimal | None = None
    limit_kw: Decimal | None = None
    peak_load_kw: Decimal | None = None
    loss_factor: Decimal | None = None
    net_benefits_per_mwh: Decimal | None = None
    first_interval_ratio: Decimal | None = None
    year_days: Decimal | None = None
    already_charged: Decimal | None = None
    reserve_readings_kw: Known = ()
    reserve_start: int = 0
    capability_kw: Decimal | None = None
    mileage_ratio: Decimal | None = None
    score_ratio: Decimal | None = None

    def __post_init__(self) -> None:
        if (S_PER_H // S_PER_MINUTE) % self.interval_minutes or not self.interval_start_utc:
            raise ValueError(
                "an event has intervals that divide an hour, got "
                f"{len(self.interval_start_utc)} of {self.interval_minutes} minutes"
            )

    @property
    def intervals_per_h(self) -> int:
        """Intervals of an hour."""
        return S_PER_H // (self.interval_minutes * S_PER_MINUTE)

    @property
    def duration_minutes(self) -> int:
        """Length of the event [min]."""
        return len(self.interval_start_utc) * self.interval_minutes

    def known(self, name: str) -> tuple[Decimal, ...]:
        """Return a quantity of each interval.

        Raises:
            DataRefusedError: It is not known in every interval.
        """
        values: Known = getattr(self, name)
        known = tuple(value for value in values if value is not None)
        if len(known) != len(self.interval_start_utc):
            found = f"{len(known)} of {len(self.interval_start_utc)} known"
            self.refuse(f"{name} of every interval", found)
        return known

    @exactly
    def mean_kw(self, name: str) -> tuple[Decimal, ...]:
        """Return an energy of each interval as its mean power [kW]."""
        return tuple(value_kwh * self.intervals_per_h for value_kwh in self.known(name))

    def price_of_intervals(self, term: PriceTerm, currency: str) -> tuple[Decimal, ...]:
        """Return the price of each interval for one kWh; a price that holds throughout serves too.

        Raises:
            DataRefusedError: One is not known, or in another currency or unit.
        """
        count = len(self.interval_start_utc)
        prices = self.interval_prices.get(str(term.supplied))
        if prices is None:
            return (self.price(term, currency),) * count
        if len(prices) != count:
            self.refuse(f"one price {term.supplied!r} for each interval", str(len(prices)))
        return tuple(self.checked(term, price, currency) for price in prices)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodInputs(Supplied):
    """One period of a capacity price.

    Attributes:
        period_count: Days, weeks, months or hours, as the price is for.
        nominated_kw: Nominated capacity [kW].
        on_peak_demand_kw: Mean on-peak demand [kW].
        limit_kw: Firm service level [kW].
        availability_ratio: Combined availability, 0 to 1.
        performance_ratio: Delivered ratio of a period without an event, where the program carries
            one forward from an earlier event or test.
    """

    period_count: Decimal
    nominated_kw: Decimal | None = None
    on_peak_demand_kw: Decimal | None = None
    limit_kw: Decimal | None = None
    availability_ratio: Decimal | None = None
    performance_ratio: Decimal | None = None
