"""gridstatus' own reading of a file by hand, laid out as NYISO publishes P-2A; no network."""

import io
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.warehouse.catalog import checked
from negawatt.warehouse.gridstatus_prices import fetch_prices, rows_of_table

NOW_UTC = datetime(2026, 7, 2, tzinfo=UTC)
DAYS = (date(2026, 7, 1), date(2026, 7, 1))
P_2A = """"Time Stamp","Name","PTID","LBMP ($/MWHr)","Marginal Cost Losses ($/MWHr)",\
"Marginal Cost Congestion ($/MWHr)"
"07/01/2026 16:00","CAPITL",61757,40.76,1.20,-3.50
"07/01/2026 17:00","CAPITL",61757,-1.05,1.20,-3.50
"""

pytestmark = pytest.mark.slow  # pandas and gridstatus take seconds to import


@pytest.fixture(scope="module")
def table() -> Any:  # noqa: ANN401 - a pandas frame
    """Return P-2A as gridstatus gives it."""
    gridstatus = pytest.importorskip("gridstatus")
    pandas = pytest.importorskip("pandas")
    nyiso = gridstatus.NYISO()
    timed = nyiso._handle_time(pandas.read_csv(io.StringIO(P_2A)), "damlbmp")  # noqa: SLF001 - without the network
    return nyiso._process_lmp_data(  # noqa: SLF001 - as above
        timed, "2026-07-01", gridstatus.Markets.DAY_AHEAD_HOURLY, "zone", "ALL"
    )


def test_a_price_has_its_hour_in_utc_its_currency_and_its_decimal(table: Any) -> None:  # noqa: ANN401 - as above
    rows = checked("raw_market__prices", rows_of_table("nyiso", "DAY_AHEAD_HOURLY", table, NOW_UTC))

    assert rows["series_id"].to_list() == ["nyiso DAY_AHEAD_HOURLY CAPITL"] * 2
    assert rows["interval_start_utc"][0] == datetime(2026, 7, 1, 20, tzinfo=UTC)
    assert rows["interval_end_utc"][0] == datetime(2026, 7, 1, 21, tzinfo=UTC)
    assert rows["price_amount"].to_list() == [Decimal("40.76"), Decimal("-1.05")]
    assert set(rows["price_currency"]) == {"USD"}
    assert set(rows["price_unit"]) == {"MWh"}


def test_a_table_without_prices_is_refused(table: Any) -> None:  # noqa: ANN401 - as above
    with pytest.raises(DataRefusedError, match=r"2 rows without \['LMP'\]"):
        rows_of_table("nyiso", "DAY_AHEAD_HOURLY", table.drop(columns="LMP"), NOW_UTC)
    with pytest.raises(DataRefusedError, match="0 rows without"):
        rows_of_table("nyiso", "DAY_AHEAD_HOURLY", table[:0], NOW_UTC)


def test_intervals_of_two_lengths_are_refused(table: Any) -> None:  # noqa: ANN401 - as above
    mixed = table.copy()
    mixed.loc[1, "Interval End"] = (
        mixed.loc[1, "Interval Start"]
        + (mixed.loc[0, "Interval End"] - mixed.loc[0, "Interval Start"]) / 2
    )

    with pytest.raises(DataRefusedError, match=r"lengths of \[1800, 3600\] s"):
        rows_of_table("nyiso", "DAY_AHEAD_HOURLY", mixed, NOW_UTC)


def test_a_market_that_the_package_does_not_know_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="expected one of REAL_TIME_5_MIN"):
        fetch_prices("nyiso", "TOMORROW", ["CAPITL"], DAYS, NOW_UTC)


def test_a_network_that_does_not_answer_is_a_refusal_and_no_crash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every name resolves to nothing here, as on a machine without a network."""

    def nowhere(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr("socket.getaddrinfo", nowhere)

    with pytest.raises(DataRefusedError, match="prices of nyiso: expected an answer"):
        fetch_prices("nyiso", "DAY_AHEAD_HOURLY", ["CAPITL"], DAYS, NOW_UTC)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gridstatus", None)

    with pytest.raises(ConfigurationError, match=r"negawatt\[gridstatus\]"):
        fetch_prices("nyiso", "DAY_AHEAD_HOURLY", ["CAPITL"], DAYS, NOW_UTC)
