"""The money side of the demonstration: hand-made prices and facts, through the real import.

Here: those values. Not here: the demonstration (demo.py), and what is paid
(negawatt.models.settlement).
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.resources import as_file, files
from typing import Final

import polars as pl

from negawatt.warehouse.profiles import read_profile, read_source, translate
from negawatt.warehouse.sites import SiteFact, SitePayment

_FILES: Final = files("negawatt.cli")
_SERIES: Final = "demo zone, real time"
_SOURCE: Final = "made by hand for the demonstration; no market published it"


def demo_payment() -> SitePayment:
    """Return how the demonstration's site is paid: by PJM's economic program."""
    return SitePayment(
        rule="pjm_economic",
        prices={"lmp": _SERIES},
        facts=(
            SiteFact(name="loss_factor", value=Decimal("1.04"), unit="factor", source=_SOURCE),
            SiteFact(
                name="net_benefits_price",
                value=Decimal("27.00"),
                unit="USD/MWh",
                source=_SOURCE,
                valid_from=date(2026, 6, 1),
                valid_until=date(2026, 6, 30),
            ),
        ),
    )


def demo_prices() -> pl.DataFrame:
    """Return the rows of the hand-made price file, as `negawatt import prices` reads it."""
    with (
        as_file(_FILES / "demo_prices.toml") as profile,
        as_file(_FILES / "demo_prices.csv") as csv,
    ):
        return translate(read_profile(profile), read_source(csv), datetime(2026, 7, 1, tzinfo=UTC))
