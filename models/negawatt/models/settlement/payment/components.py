"""What a program pays for, as data: one record for each kind of payment.

Here: names, types and ranges of the parameters. Not here: their arithmetic (energy.py,
capacity.py), and how they meet an event (event_lines.py) or a period (period_lines.py).
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from negawatt.models.settlement.payment.function import PerformanceFunction
from negawatt.models.settlement.payment.money import Per
from negawatt.models.settlement.payment.regulation import RegulationWeights
from negawatt.models.settlement.payment.reserve import ReserveRule

Amount = Annotated[Decimal, Field(ge=0)]
Ratio = Annotated[Decimal, Field(ge=0, le=1)]
Direction = Literal["credit", "charge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTerm:
    """The price of a payment: fixed by the program, or to be supplied by name.

    Attributes:
        per: What it is for.
        amount: Fixed amount; absent where the price is supplied.
        supplied: Name under which it is supplied: ``lmp``, ``spot``, ``bid``.
    """

    per: Per
    amount: Decimal | None = None
    supplied: str | None = None

    def __post_init__(self) -> None:
        if (self.amount is None) == (self.supplied is None):
            raise ValueError("a price states either an amount or the name it is supplied under")


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """Delivered energy at a price for each interval.

    Attributes:
        kind: ``energy``.
        name: What a statement calls it.
        price: Its price.
        direction: What the site gets (``credit``) or owes (``charge``).
        floor: Least that is paid, per unit of the price; none where absent.
        net_benefits_test: Intervals below the month's net-benefits price are not paid.
        after_event_count: Events of a season that are not paid before this one is.
    """

    kind: Literal["energy"]
    name: str
    price: PriceTerm
    direction: Direction = "credit"
    floor: Decimal | None = None
    net_benefits_test: bool = False
    after_event_count: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoSettlement:
    """What was sold a day ahead at that price, and the deviation at the interval's."""

    kind: Literal["two_settlement"]
    name: str
    day_ahead: PriceTerm
    real_time: PriceTerm


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceEnergy:
    """Committed energy at its price, scaled by a function of what was delivered of it."""

    kind: Literal["performance_energy"]
    name: str
    price: PriceTerm
    function: PerformanceFunction


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcessEnergy:
    """A charge for energy above a firm service level."""

    kind: Literal["excess_energy"]
    name: str
    price: PriceTerm


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """Capacity times price times periods, scaled by performance.

    Attributes:
        kind: ``capacity``.
        name: What a statement calls it.
        price: Its price.
        quantity: What is paid for: ``nominated``; ``delivered_in_events``, which is the mean
            delivered power in a period with an event and the nomination in one without;
            ``demand_above_limit``, mean on-peak demand less the firm service level.
        function: Of the delivered ratio; without one, performance changes nothing.
    """

    kind: Literal["capacity"]
    name: str
    price: PriceTerm
    quantity: Literal["nominated", "delivered_in_events", "demand_above_limit"] = "nominated"
    function: PerformanceFunction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """An obligation for some hours, scaled by availability and by performance in events."""

    kind: Literal["availability"]
    name: str
    price: PriceTerm
    squared_below_ratio: Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """A charge for each interval short of the commitment, up to a yearly limit.

    Attributes:
        kind: ``shortfall``.
        name: What a statement calls it.
        entry_cost: Net cost of new entry.
        clearing_price: Clearing price of the auction.
        penalty_h: Hours over which a year's cost is spread [h].
        yearly_limit_factor: Yearly limit over the year's capacity revenue.
    """

    kind: Literal["shortfall"]
    name: str
    entry_cost: PriceTerm
    clearing_price: PriceTerm
    penalty_h: Annotated[Decimal, Field(gt=0)]
    yearly_limit_factor: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedTest:
    """A charge for a test that fell short; made for events of kind ``test`` only."""

    kind: Literal["failed_test"]
    name: str
    revenue_rate: PriceTerm
    adder_ratio: Amount
    adder_min: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """The held response of a reserve event, up to what was assigned."""

    kind: Literal["reserve"]
    name: str
    price: PriceTerm
    minutes: ReserveRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Regulation:
    """Capability and mileage, both scaled by the score."""

    kind: Literal["regulation"]
    name: str
    capability: PriceTerm
    performance: PriceTerm
    weights: RegulationWeights


Component = Annotated[
    Energy
    | TwoSettlement
    | PerformanceEnergy
    | ExcessEnergy
    | Capacity
    | Availability
    | Shortfall
    | FailedTest
    | Reserve
    | Regulation,
    Field(discriminator="kind"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Averaging:
    """How an event becomes one delivered ratio.

    Attributes:
        kind: ``event_mean``; ``best_consecutive`` or ``worst_consecutive`` hours;
            ``capped_intervals`` (the mean of intervals that each count 0 to 1);
            ``per_interval``: no one ratio, a function is taken of each interval's own.
        consecutive_h: Hours of the two consecutive ones [h].
    """

    kind: Literal[
        "event_mean", "best_consecutive", "worst_consecutive", "capped_intervals", "per_interval"
    ]
    consecutive_h: Annotated[int, Field(ge=1)] | None = None

    def __post_init__(self) -> None:
        if self.kind.endswith("consecutive") != (self.consecutive_h is not None):
            raise ValueError("consecutive_h belongs to 'best_consecutive' and 'worst_consecutive'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """What counts as delivered.

    Attributes:
        measure: ``reduction`` from a baseline, ``firm_service_level`` or
            ``guaranteed_load_drop`` from the peak load contribution; ``limit`` (load against a
            limit), ``readings`` of one minute and ``score`` measure no reduction in intervals.
        loss_factor: Power is counted at the generators.
        negative_reduction: ``keep``, ``zero_per_interval``, ``zero_per_event`` or
            ``net_within_day``: a day with a negative sum counts for nothing.
        day_clock: IANA time zone of those days.
        cap_at: Nothing counts above the ``committed`` or ``dispatched`` power times the factor.
        cap_factor: That factor.
        averaging: How an event becomes one ratio.
    """

    measure: Literal[
        "reduction", "firm_service_level", "guaranteed_load_drop", "limit", "readings", "score"
    ] = "reduction"
    loss_factor: bool = False
    negative_reduction: Literal["keep", "zero_per_interval", "zero_per_event", "net_within_day"] = (
        "keep"
    )
    day_clock: str | None = None
    cap_at: Literal["none", "committed", "dispatched"] = "none"
    cap_factor: Amount = Decimal(1)
    averaging: Averaging = field(default_factory=lambda: Averaging(kind="event_mean"))

    def __post_init__(self) -> None:
        if (self.negative_reduction == "net_within_day") != (self.day_clock is not None):
            raise ValueError("day_clock belongs to negative_reduction = 'net_within_day'")
