"""What an OpenADR event asks of a site, interval by interval, its prices and its alerts.

Each interval that asks for something of the load is an event of its own: the name is the VTN's id
and the interval's, so that an update that adds or removes intervals leaves the others as they are.
What a level or a relative set-point means is a program's to say, so it stands in the configuration;
an event that asks for what nobody explained is refused whole.

Source: OpenADR 3.1.1, ``eventRequest``, ``interval``, ``intervalPeriod``; payload types and units
of its Definitions: IMPORT_CAPACITY_LIMIT, DISPATCH_SETPOINT, DISPATCH_SETPOINT_RELATIVE, SIMPLE,
PRICE and the alerts of a grid under stress.

Not here: what follows from an earlier revision (revisions), and disk.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

from negawatt.collectors.message import MessageRefusedError, Outcome
from negawatt.collectors.openadr.spec import ENDLESS, NOW, Event, Interval, Payload

_LIMITS: Final = {"IMPORT_CAPACITY_LIMIT", "DISPATCH_SETPOINT"}
_RELATIVE: Final = "DISPATCH_SETPOINT_RELATIVE"
_LEVEL: Final = "SIMPLE"
_ALERTS: Final = {
    "ALERT_GRID_EMERGENCY", "ALERT_BLACK_START", "ALERT_POSSIBLE_OUTAGE", "ALERT_FLEX_ALERT",
}  # fmt: skip
_ASKS: Final = {*_LIMITS, _RELATIVE, _LEVEL}
_PRICE: Final = "PRICE"
_PRICE_UNITS: Final = {"KWH": "kWh", "MWH": "MWh"}
_MOST_KW: Final = 1e9
_LAST_YEAR: Final = 9000

AskKind = Literal["limit_kw", "committed_kw", "target_reduction_ratio"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramTerms:
    """What a program of the VTN is to us.

    Attributes:
        program_id: The program that settles its events.
        event_kind: What sort of dispatch they are.
        levels: What each level of SIMPLE asks for; level 0 asks for nothing.
        relative_is_reduction: DISPATCH_SETPOINT_RELATIVE is a reduction [kW].
        price_series: Name of the series that its prices become, if they do.
        alert_series: Name of the series of grid stress that its alerts become, if they do.
        targets: The VTN's names for our load; an event for others alone is not ours. Without any,
            every event is.
    """

    program_id: str
    event_kind: str = "economic"
    levels: Mapping[int, tuple[AskKind, float]] = field(default_factory=dict)
    relative_is_reduction: bool = False
    price_series: str | None = None
    alert_series: str | None = None
    targets: frozenset[str] = frozenset()

    def concerns(self, event: Event) -> bool:
        """Say whether an event is for our load: by its targets, or for all."""
        return not self.targets or not event.targets or bool(self.targets & {*event.targets})

    def understood(self) -> frozenset[str]:
        """Return the types of payload that say something to us."""
        prices = {_PRICE} if self.price_series else set()
        return frozenset(_ASKS | prices | (_ALERTS if self.alert_series else set()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What one interval asks for.

    Attributes:
        interval_id: Its number in the event.
        start_utc: Its start.
        end_utc: Its end, excluded; None while it holds until it is changed.
        limit_kw: Power not to exceed [kW].
        committed_kw: Reduction [kW].
        target_reduction_ratio: Reduction as a share of the load, 0 to 1.
    """

    interval_id: int
    start_utc: datetime
    end_utc: datetime | None
    limit_kw: float | None = None
    committed_kw: float | None = None
    target_reduction_ratio: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The price of one interval, for one ``unit``."""

    start_utc: datetime
    end_utc: datetime
    amount: Decimal
    currency: str
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert of one interval; without an end it holds until there is another one."""

    start_utc: datetime
    end_utc: datetime | None
    level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """All that an event says to us."""

    asks: Sequence[Ask] = ()
    prices: Sequence[Price] = ()
    alerts: Sequence[Alert] = ()


def translated(event: Event, terms: ProgramTerms) -> Said:
    """Return what an event asks for, and its prices and alerts.

    An event without intervals, or with nothing but level 0, says nothing. A start of "now" is the
    event's own ``modificationDateTime``: so the same event is the same, whenever it is read.

    Raises:
        MessageRefusedError: A part that concerns us is not known: see ``Outcome``.

    Examples:
        >>> from negawatt.collectors.openadr.spec import read_object
        >>> event = read_object(Event, '''{"id": "e1", "objectType": "EVENT", "programID": "44",
        ...     "createdDateTime": "2026-07-01T20:00:00Z",
        ...     "modificationDateTime": "2026-07-01T20:00:00Z",
        ...     "intervalPeriod": {"start": "2026-07-01T21:00:00Z", "duration": "PT30M"},
        ...     "payloadDescriptors": [{"objectType": "EVENT_PAYLOAD_DESCRIPTOR",
        ...         "payloadType": "DISPATCH_SETPOINT", "units": "KW"}],
        ...     "intervals": [
        ...         {"id": 0, "payloads": [{"type": "DISPATCH_SETPOINT", "values": [10.0]}]},
        ...         {"id": 1, "payloads": [{"type": "DISPATCH_SETPOINT", "values": [8.0]}]}]}''')
        >>> for ask in translated(event, ProgramTerms(program_id="pjm_economic_3day")).asks:
        ...     print(ask.start_utc.time(), ask.limit_kw)
        21:00:00 10.0
        21:30:00 8.0
    """
    types = {payload.type for interval in event.intervals for payload in interval.payloads}
    if event.intervals and not types & terms.understood():
        raise MessageRefusedError(Outcome.PAYLOAD_UNKNOWN)
    units = _units(event)
    asks, prices, alerts = [], [], []
    for interval, start_utc, end_utc in _timed(event):
        values = _joined(_asked(payload, units, terms) for payload in interval.payloads)
        if values:
            asks.append(
                Ask(interval_id=interval.id, start_utc=start_utc, end_utc=end_utc, **values)
            )
        types = {payload.type for payload in interval.payloads} & terms.understood()
        if _PRICE in types:
            told = [payload for payload in interval.payloads if payload.type == _PRICE]
            prices += [_price(payload, units, start_utc, end_utc) for payload in told]
        alerts += [
            Alert(start_utc=start_utc, end_utc=end_utc, level=level)
            for level in sorted(types & _ALERTS)
        ]
    _refuse_twice([interval.id for interval in event.intervals])
    _refuse_twice([price.start_utc for price in prices])
    _refuse_twice([alert.start_utc for alert in alerts])
    return Said(asks=asks, prices=prices, alerts=alerts)


def _refuse_twice(keys: Sequence[object]) -> None:
    if len(set(keys)) < len(keys):
        raise MessageRefusedError(Outcome.CONTRADICTORY)


def _units(event: Event) -> Mapping[str, tuple[str | None, str | None]]:
    """Return units and currency of each type of payload."""
    units: dict[str, tuple[str | None, str | None]] = {}
    for one in event.payloadDescriptors or ():
        told = (one.units, one.currency)
        if units.setdefault(one.payloadType, told) != told:
            raise MessageRefusedError(Outcome.CONTRADICTORY)
    return units


def _timed(event: Event) -> Iterator[tuple[Interval, datetime, datetime | None]]:
    """Yield the intervals with start and end; one without a start follows the one before."""
    whole = event.intervalPeriod
    next_utc = whole.start if whole else None
    if event.duration and event.intervals:  # they might loop or be cut short
        raise MessageRefusedError(Outcome.TIME_UNKNOWN)
    for interval in event.intervals:
        own = interval.intervalPeriod
        start_utc = own.start if own and own.start is not None else next_utc
        duration = own.duration if own else None
        duration = whole.duration if duration is None and whole else duration
        is_random = any(period and period.randomizeStart for period in (whole, own))
        if start_utc is None or duration is None or is_random:
            raise MessageRefusedError(Outcome.TIME_UNKNOWN)
        start_utc = event.modificationDateTime if start_utc == NOW else start_utc
        next_utc = _after(start_utc, duration)
        yield interval, start_utc, next_utc


def _after(start_utc: datetime, duration: timedelta) -> datetime | None:
    if duration == ENDLESS:
        return None
    try:
        end_utc = start_utc + duration
    except OverflowError as error:
        raise MessageRefusedError(Outcome.TIME_UNKNOWN) from error
    if end_utc <= start_utc or end_utc.year > _LAST_YEAR:
        raise MessageRefusedError(Outcome.TIME_UNKNOWN)
    return end_utc


def _asked(
    payload: Payload, units: Mapping[str, tuple[str | None, str | None]], terms: ProgramTerms
) -> tuple[AskKind, float] | None:
    """Return what one payload asks for; None where it asks for nothing of the load."""
    if payload.type == _LEVEL:
        level = _only(payload)
        if level == 0:
            return None
        if level not in terms.levels:
            raise MessageRefusedError(Outcome.LEVEL_UNKNOWN)
        return terms.levels[int(level)]
    if payload.type in _LIMITS:
        return "limit_kw", _power_kw(payload, units)
    if payload.type == _RELATIVE:
        if not terms.relative_is_reduction:
            raise MessageRefusedError(Outcome.LEVEL_UNKNOWN)
        return "committed_kw", _power_kw(payload, units)
    return None


def _joined(found: Iterable[tuple[AskKind, float] | None]) -> dict[AskKind, float]:
    """Return what payloads of one interval ask for together."""
    values: dict[AskKind, float] = {}
    for one in found:
        if one is not None and values.setdefault(one[0], one[1]) != one[1]:
            raise MessageRefusedError(Outcome.CONTRADICTORY)
    return values


def _only(payload: Payload) -> Decimal | int:
    if len(payload.values) != 1:
        raise MessageRefusedError(Outcome.MANY_VALUES)
    (value,) = payload.values
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise MessageRefusedError(Outcome.NO_NUMBER)
    return value


def _power_kw(payload: Payload, units: Mapping[str, tuple[str | None, str | None]]) -> float:
    value = _only(payload)
    unit, _ = units.get(payload.type, (None, None))
    if unit != "KW":  # the document has no larger one; without a descriptor it is not known
        raise MessageRefusedError(Outcome.UNIT_UNKNOWN)
    if value < 0:
        raise MessageRefusedError(Outcome.NO_LOAD)
    if value > _MOST_KW:
        raise MessageRefusedError(Outcome.NO_NUMBER)
    return float(value)


def _price(
    payload: Payload,
    units: Mapping[str, tuple[str | None, str | None]],
    start_utc: datetime,
    end_utc: datetime | None,
) -> Price:
    value = Decimal(_only(payload))
    unit, currency = units.get(payload.type, (None, None))
    if unit not in _PRICE_UNITS or currency is None or not _is_currency(currency):
        raise MessageRefusedError(Outcome.UNIT_UNKNOWN)
    if end_utc is None:
        raise MessageRefusedError(Outcome.TIME_UNKNOWN)
    if abs(value) > _MOST_KW or value.as_tuple().exponent < -12:  # type: ignore[operator]  # noqa: PLR2004 - the table's decimals; finite, by spec
        raise MessageRefusedError(Outcome.NO_NUMBER)
    amount = value or Decimal(0)  # a zero may be written as 0e300, which no column takes
    return Price(
        start_utc=start_utc, end_utc=end_utc, amount=amount, currency=currency,
        unit=_PRICE_UNITS[unit],
    )  # fmt: skip


def _is_currency(text: str) -> bool:
    return len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()  # noqa: PLR2004 - ISO 4217
