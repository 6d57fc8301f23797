"""Prices of a market joined to an event: by hand, across clock changes, and what is refused.

The event is from 16:00 UTC; prices are in USD/MWh.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.interval import Interval
from negawatt.models.settlement.market import MarketSeries
from negawatt.models.settlement.payment.joined import joined_prices

START_UTC = datetime(2026, 7, 1, 16, tzinfo=UTC)


def series(
    amounts: Sequence[str], *, minutes: int = 60, start_utc: datetime = START_UTC
) -> MarketSeries:
    length = timedelta(minutes=minutes)
    starts_utc = tuple(start_utc + n * length for n in range(len(amounts)))
    return MarketSeries(
        price_name="lmp",
        series_id="zone",
        currency="USD",
        per="MWh",
        interval_start_utc=starts_utc,
        interval_end_utc=tuple(start + length for start in starts_utc),
        amounts=tuple(map(Decimal, amounts)),
    )


def together(first: MarketSeries, second: MarketSeries) -> MarketSeries:
    return MarketSeries(
        price_name="lmp",
        series_id="zone",
        currency="USD",
        per="MWh",
        interval_start_utc=first.interval_start_utc + second.interval_start_utc,
        interval_end_utc=first.interval_end_utc + second.interval_end_utc,
        amounts=first.amounts + second.amounts,
    )


def intervals(minutes: int, count: int, start_utc: datetime = START_UTC) -> list[Interval]:
    length = timedelta(minutes=minutes)
    return [Interval(start_utc + n * length, start_utc + (n + 1) * length) for n in range(count)]


def test_a_quarter_hour_has_the_price_of_its_hour() -> None:
    found = joined_prices(series(["-3.10", "85"]), intervals(15, 8), "refuse")

    assert [price.text for price in found] == ["-3.1 USD/MWh"] * 4 + ["85 USD/MWh"] * 4


def test_an_interval_over_two_longer_prices_has_their_mean_over_time() -> None:
    """From 16:45: a quarter of an hour at 20 and three quarters at 60 are 50."""
    late = intervals(60, 1, START_UTC + timedelta(minutes=45))

    assert joined_prices(series(["20", "60"]), late, "refuse")[0].amount == Decimal(50)


def test_an_hour_of_five_minute_prices_is_refused_where_the_program_does_not_say() -> None:
    with pytest.raises(DataRefusedError, match=r"at least 1 h.*some of 0\.0833333 h"):
        joined_prices(series(["20"] * 12, minutes=5), intervals(60, 1), "refuse")


def test_an_hour_that_is_spread_evenly_has_the_mean_of_its_five_minute_prices() -> None:
    """Eleven at 20 and one at 140: 360 / 12 = 30; of thirds the last digit is no noise."""
    found = joined_prices(series(["20"] * 11 + ["140"], minutes=5), intervals(60, 1), "time_mean")
    thirds = joined_prices(series(["1"] * 4 + ["0"] * 8, minutes=5), intervals(60, 1), "time_mean")

    assert found[0].amount == Decimal(30)
    assert thirds[0].amount == Decimal("0." + "3" * 40)


def test_a_missing_price_is_named_by_its_time() -> None:
    with pytest.raises(
        DataRefusedError, match=r"a price at 2026-07-01T17:00:00\+00:00, found none"
    ):
        joined_prices(series(["20"]), intervals(60, 2), "refuse")


def test_a_price_that_ends_inside_an_interval_leaves_the_rest_missing() -> None:
    with pytest.raises(DataRefusedError, match=r"a price at 2026-07-01T16:30:00"):
        joined_prices(series(["20"], minutes=30), intervals(60, 1), "time_mean")


def test_a_hole_between_two_prices_is_named_where_it_begins() -> None:
    """Twenty minutes from 16:00 and twenty from 16:40."""
    first = series(["20"], minutes=20)
    last = series(["20"], minutes=20, start_utc=START_UTC + timedelta(minutes=40))

    with pytest.raises(DataRefusedError, match=r"a price at 2026-07-01T16:20:00"):
        joined_prices(together(first, last), intervals(60, 1), "time_mean")


def test_two_prices_at_one_time_are_named_with_both_amounts() -> None:
    """An hour at 20, and five minutes inside it at 90."""
    doubled = together(series(["20"]), series(["90"], minutes=5))

    with pytest.raises(DataRefusedError, match=r"two at 2026-07-01T16:00:00.*USD/MWh"):
        joined_prices(doubled, intervals(60, 1), "time_mean")


def test_the_order_of_prices_never_matters() -> None:
    first, second = series(["20"]), series(["60"], start_utc=START_UTC + timedelta(hours=1))

    forward = joined_prices(together(first, second), intervals(60, 2), "refuse")

    assert forward == joined_prices(together(second, first), intervals(60, 2), "refuse")


def test_the_hour_that_a_clock_repeats_has_two_prices_of_its_own() -> None:
    """New York, 2026-11-01: 01:00 comes at 05:00 and at 06:00 UTC, at 10 and 11 USD/MWh."""
    first_utc = datetime(2026, 11, 1, 5, tzinfo=UTC)
    zone = ZoneInfo("America/New_York")
    repeated = intervals(60, 2, first_utc)

    found = joined_prices(series(["10", "11"], start_utc=first_utc), repeated, "refuse")

    assert [one.start_utc.astimezone(zone).hour for one in repeated] == [1, 1]
    assert [price.amount for price in found] == [Decimal(10), Decimal(11)]
