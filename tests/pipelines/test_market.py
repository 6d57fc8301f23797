"""The money side of an event through the warehouse: 60.5 and 60.5 kWh at 14:00 and 15:00 local."""

import json
import shutil
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from negawatt.cli.main import app
from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.settlement.paid import PaymentOutcome
from negawatt.models.settlement.period import Month
from negawatt.models.settlement.statement import Statement
from negawatt.pipelines import run
from negawatt.pipelines.portfolio import newest_statements, read_capability, read_portfolio
from negawatt.pipelines.settlement import gather_inputs
from negawatt.warehouse.delta_tables import read_table
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.price_files import PRICE_FOLDER, PRICES, PricesProfile, price_rows
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.sites import SiteFact, SitePayment, read_site, register_sites
from tests.pipelines.conftest import (
    AFTER_UTC,
    EVENT,
    EVENT_START_UTC,
    FIRST_DAY,
    LAST_DAY,
    SITE,
    event_rows,
    small_site,
)

pytestmark = pytest.mark.slow

HOUR = timedelta(hours=1)
LOSSES = SiteFact(name="loss_factor", value=Decimal(1), unit="factor", source="tariff sheet 4")


def net_benefits(month: int, value: str) -> SiteFact:
    """Return the net-benefits price of a month of 2026."""
    return SiteFact(
        name="net_benefits_price",
        value=Decimal(value),
        unit="USD/MWh",
        source="posting",
        valid_from=date(2026, month, 1),
        valid_until=date(2026, month, 30),
    )


FACTS = (LOSSES, net_benefits(6, "27"))


def pays(layout: Layout, *facts: SiteFact, rule: str = "pjm_economic") -> None:
    """Register how the site is paid."""
    payment = SitePayment(rule=rule, prices={"lmp": "zone"}, facts=facts)
    site = read_site(layout, SITE)
    register_sites(
        layout, {SITE: site.model_copy(update={"payments": {"pjm_economic_3day": payment}})}
    )


def prices(layout: Layout, *amounts: str, available_at_utc: datetime = AFTER_UTC) -> None:
    """Import hourly prices from the event's start."""
    profile = PricesProfile(
        table="raw_market__prices",
        start_column="time",
        interval_minutes=60,
        value_column="lmp",
        unit="MWh",
        currency="USD",
        series_id="zone",
    )
    times = [(EVENT_START_UTC + n * HOUR).isoformat() for n in range(len(amounts))]
    source = pl.DataFrame({"time": times, "lmp": list(amounts)})
    rows = price_rows(profile, source, available_at_utc)
    seal_rows(layout, PRICES, PRICE_FOLDER, "import", rows)


@pytest.fixture(scope="module")
def metered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a warehouse with the load metered, which no test writes to."""
    made = small_site(tmp_path_factory.mktemp("metered"))
    run.run_daily_metering(made, SITE, FIRST_DAY, LAST_DAY, fixed_utc=AFTER_UTC)
    return made.root


@pytest.fixture
def layout(metered: Path, tmp_path: Path) -> Layout:
    """Return a copy of it."""
    return Layout(shutil.copytree(metered, tmp_path / "warehouse"))


def settled(layout: Layout) -> Statement:
    return run.run_event_settlement(layout, EVENT, fixed_utc=AFTER_UTC)


def asked(layout: Layout, *arguments: str) -> Any:  # noqa: ANN401 - JSON
    result = CliRunner().invoke(app, [*arguments, "-w", str(layout.root), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_an_event_is_paid_its_prices_and_its_month_and_portfolio_add_it_up(
    layout: Layout,
) -> None:
    """Two hours of 60 kWh at 50 and 100 USD/MWh: 3 + 6 USD; the adjusted baseline is 100 kW."""
    pays(layout, *FACTS)
    prices(layout, "50", "100")

    statement = settled(layout)

    payment = statement.body.payment
    assert payment is not None
    assert payment.outcome is PaymentOutcome.COMPUTED
    assert str(statement.body.totals.reduction_kwh) == "120.000"
    assert str(payment.total) == "9.00"
    rows = read_table(layout, "out_settlement__payment_lines").frame
    assert rows.select("payment_amount", "payment_currency").row(0) == (Decimal("9.000000"), "USD")

    found = asked(layout, "portfolio", "--month", "2026-06")
    assert [one["total"] for one in found["money"]] == ["9.00"]
    assert found["months"][0]["month"] == "2026-06"
    assert read_portfolio(layout, month=Month.parse("2026-07")).money == ()
    assert [s.statement_digest for s in newest_statements(layout)] == [statement.statement_digest]

    able = asked(layout, "capability", SITE, "--confidence", "0.5")
    assert (able["event_count"], able["met_count"], len(able["cells"])) == (1, 1, 96)
    assert able["delivered_ratio_low"] == pytest.approx(0.6)
    assert read_capability(layout, SITE, 0.9).delivered_ratio_low is None


def test_a_corrected_price_restates_and_a_later_month_does_not(layout: Layout) -> None:
    pays(layout, *FACTS)
    prices(layout, "50", "100")
    first = settled(layout)

    pays(layout, *FACTS, net_benefits(7, "31"))
    prices(layout, "50", "100")
    assert run.run_event_settlement(layout, EVENT, fixed_utc=AFTER_UTC) == first

    prices(layout, "50", "110", available_at_utc=AFTER_UTC + HOUR)
    second = run.run_event_settlement(layout, EVENT, fixed_utc=AFTER_UTC)
    assert second.statement_version == 2
    assert second.body.payment is not None
    assert str(second.body.payment.total) == "9.60"


def test_without_prices_the_energy_is_settled_and_the_reason_stands(layout: Layout) -> None:
    pays(layout, *FACTS)

    body = settled(layout).body

    assert body.payment is not None
    assert body.payment.outcome is PaymentOutcome.NOT_COMPUTABLE
    assert "prices 'zone': expected a price at 2026-06-30T18:00:00" in str(body.payment.reason)
    assert str(body.totals.reduction_kwh) == "120.000"
    assert read_portfolio(layout).without_amount


def test_a_series_in_two_currencies_pays_nothing(layout: Layout) -> None:
    pays(layout, *FACTS)
    prices(layout, "50")
    profile = PricesProfile(
        table="raw_market__prices",
        start_column="time",
        interval_minutes=60,
        value_column="lmp",
        unit="MWh",
        currency="EUR",
        series_id="zone",
    )
    second = pl.DataFrame({"time": [(EVENT_START_UTC + HOUR).isoformat()], "lmp": ["60"]})
    rows = price_rows(profile, second, AFTER_UTC)
    seal_rows(layout, PRICES, PRICE_FOLDER, "import", rows)

    payment = settled(layout).body.payment

    assert payment is not None
    assert "found 50 EUR, USD/MWh" in str(payment.reason)


def test_a_payment_rule_of_another_program_is_refused(layout: Layout) -> None:
    pays(layout, *FACTS, rule="gb_dfs")

    with pytest.raises(ConfigurationError, match="pjm_economic, pjm_economic_day_ahead"):
        gather_inputs(layout, EVENT)


def test_the_same_energy_in_two_programs_is_paid_once(layout: Layout) -> None:
    """The same hours as an event of another program of the same meter, which is paid second."""
    pays(layout, *FACTS)
    prices(layout, "50", "100")
    other = event_rows(event_id="e2", program_id="caiso_10_in_10")
    seal_rows(layout, "raw_grid__events", SITE, "test", other)
    site = read_site(layout, SITE)
    second = SitePayment(rule="caiso_pdr", prices={"lmp": "zone"}, facts=FACTS)
    both = site.payments | {"caiso_10_in_10": second}
    priority = ("pjm_economic_3day", "caiso_10_in_10")
    register_sites(
        layout, {SITE: site.model_copy(update={"payments": both, "payment_priority": priority})}
    )
    settled(layout)
    run.run_event_settlement(layout, "e2", fixed_utc=AFTER_UTC)

    found = read_portfolio(layout)

    paid = {event.program_id: event.paid for one in found.months for event in one.events}
    assert paid["pjm_economic_3day"] == Decimal("9.00")
    assert paid["caiso_10_in_10"] is not None
    claims = {event.program_id: event.amount for one in found.months for event in one.events}
    largest = max(amount for amount in claims.values() if amount is not None)
    assert abs(found.money[0].total - largest) <= Decimal("0.02")
