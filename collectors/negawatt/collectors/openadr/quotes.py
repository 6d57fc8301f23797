"""Prices and alerts that OpenADR events said, and what becomes of them when they are said no more.

Not here: what an event says (translate), and what is asked of the load (revisions).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from negawatt.collectors.openadr.translate import ProgramTerms, Said
from negawatt.collectors.raw_schema import GRID_STRESS, MARKET_PRICES


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A price or an alert of one interval, as its table has it.

    Attributes:
        table: ``raw_market__prices`` or ``raw_grid__stress``.
        series_id: Its series.
        start_utc: Start of the interval.
        end_utc: Its end; None for an alert that holds until there is another one.
        amount: The price for one ``unit``; None where it was withdrawn, and for an alert.
        currency: Of the price.
        unit: Of the price.
        level: The alert; None where it was withdrawn, and for a price.
    """

    table: str
    series_id: str
    start_utc: datetime
    end_utc: datetime | None
    amount: Decimal | None = None
    currency: str | None = None
    unit: str | None = None
    level: str | None = None

    @property
    def key(self) -> tuple[str, str, datetime]:
        """What no two prices or alerts have that hold together."""
        return self.table, self.series_id, self.start_utc

    def row(self, received_utc: datetime) -> tuple[Any, ...]:
        """Return it in the order of the columns of its table."""
        is_price = self.table == MARKET_PRICES
        said = (self.amount, self.currency, self.unit) if is_price else (None, None, self.level)
        return (self.series_id, self.start_utc, self.end_utc, *said, received_utc)

    def values(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self) | {
            "start_utc": self.start_utc.isoformat(),
            "end_utc": None if self.end_utc is None else self.end_utc.isoformat(),
            "amount": None if self.amount is None else str(self.amount),
        }

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Read back what ``values`` gave."""
        end, amount = values["end_utc"], values["amount"]
        return cls(
            **{
                **values,
                "start_utc": datetime.fromisoformat(values["start_utc"]),
                "end_utc": end and datetime.fromisoformat(end),
                "amount": None if amount is None else Decimal(amount),
            }
        )


def quotes_of(said: Said, program: ProgramTerms) -> tuple[Quote, ...]:
    """Return the prices and alerts of an event, in the series that its program names."""
    prices = (
        Quote(
            table=MARKET_PRICES, series_id=str(program.price_series), start_utc=one.start_utc,
            end_utc=one.end_utc, amount=one.amount, currency=one.currency, unit=one.unit,
        )
        for one in said.prices
    )  # fmt: skip
    alerts = (
        Quote(
            table=GRID_STRESS, series_id=str(program.alert_series), start_utc=one.start_utc,
            end_utc=one.end_utc, level=one.level,
        )
        for one in said.alerts
    )  # fmt: skip
    return (*prices, *alerts)


def changed_quotes(
    before: Sequence[Quote], now: Sequence[Quote], others: Iterable[Quote], at_utc: datetime
) -> Iterator[Quote]:
    """Yield what is to be written where an event says other prices and alerts than before.

    One that is said no more is withdrawn where its interval had not begun: what another event says
    of it counts then, and otherwise nothing is known. An alert that had begun ends; a price that
    had begun stays.

    Args:
        before: What the event said.
        now: What it says.
        others: What the other events say.
        at_utc: When the event was changed, or found to be gone.
    """
    yield from (one for one in now if one not in before)
    said = {one.key for one in now}
    elsewhere = {one.key: one for one in others}
    for one in before:
        if one.key in said:
            continue
        if at_utc <= one.start_utc:
            yield elsewhere.get(one.key, replace(one, amount=None, level=None))
        elif one.table == GRID_STRESS and (one.end_utc is None or one.end_utc > at_utc):
            yield replace(one, end_utc=at_utc)
