"""The charts as SVG: what is drawn, and that the bytes depend on nothing else."""

import os
import subprocess
import sys
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import polars as pl
import pytest

from negawatt.models.settlement.statement import Statement
from negawatt.pipelines.exports.axes import power_domain, spread
from negawatt.pipelines.exports.page import words_of
from tests.pipelines.exports.conftest import SITE

SVG = "{http://www.w3.org/2000/svg}"


def drawn(statement: Statement, load: pl.DataFrame) -> dict[str, str]:
    from negawatt.pipelines.exports.figures import figures  # noqa: PLC0415 - Altair takes a second

    return figures(statement.body, SITE, load, words_of(statement.body, SITE))


def texts(svg: str) -> list[str]:
    root = ET.fromstring(svg)  # noqa: S314 - our own bytes
    return ["".join(found.itertext()) for found in root.iter(f"{SVG}text")]


@pytest.mark.slow
def test_the_event_chart_names_its_lines_and_states_the_offset(
    statement: Statement, load: pl.DataFrame
) -> None:
    svg = drawn(statement, load)["event"]

    found = " ".join(texts(svg))
    assert "Local time on Wed, Jul 15, 2026 (UTC\N{MINUS SIGN}04:00)" in found
    assert "Power [kW]" in found
    for name in ("Adjusted baseline", "event mean 100.0 kW", "Limit", "65.0 kW", "Metered power"):
        assert name in found
    assert "14:00" in found
    assert "18:00" in found
    assert svg.count("mark-line") == 2
    assert svg.count("mark-area") == 1


@pytest.mark.slow
def test_without_limit_and_band_neither_is_drawn(statement: Statement, load: pl.DataFrame) -> None:
    body = statement.body
    cap = replace(body.verdicts.cap, limit_kw=None)
    bare = replace(
        statement, body=replace(body, band=None, verdicts=replace(body.verdicts, cap=cap))
    )

    svg = drawn(bare, load)["event"]

    assert "Limit" not in " ".join(texts(svg))
    root = ET.fromstring(svg)  # noqa: S314 - our own bytes
    area = [group for group in root.iter(f"{SVG}g") if "mark-area" in (group.get("class") or "")]
    assert len(area) == 1
    assert not [path for path in area[0] if path.get("d")]


@pytest.mark.slow
def test_each_chart_has_a_text_for_those_who_cannot_see_it(
    statement: Statement, load: pl.DataFrame
) -> None:
    charts = drawn(statement, load)

    assert set(charts) == {"boundary", "days", "event", "jobs", "methods", "placebo", "summary"}
    for svg in charts.values():
        root = ET.fromstring(svg)  # noqa: S314 - our own bytes
        assert root.get("role") == "img"
        assert len(root.get("aria-label") or "") > 40
        assert "<script" not in svg


@pytest.mark.slow
def test_every_chart_follows_vega_lite_s_schema(
    statement: Statement, load: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report does not take the time to check; a misspelled property would be drawn as none."""
    from negawatt.pipelines.exports import chart_style  # noqa: PLC0415 - Altair takes a second

    checked = []

    def check(chart: Any, _alt_text: str) -> str:  # noqa: ANN401 - Altair takes a second
        checked.append(chart.to_dict(validate=True))
        return ""

    monkeypatch.setattr(chart_style, "to_svg", check)

    drawn(statement, load)

    assert len(checked) == 6


@pytest.mark.slow
def test_bars_state_their_values(statement: Statement, load: pl.DataFrame) -> None:
    charts = drawn(statement, load)

    assert "160.0 kWh" in texts(charts["methods"])
    assert "80.0 kWh" in texts(charts["jobs"])
    assert {"selected", "considered"} <= set(texts(charts["days"]))


@pytest.mark.slow
def test_the_time_zone_of_the_machine_does_not_move_the_chart() -> None:
    """The library formats times in the machine's zone unless the axis says UTC; 0 ms is 00:00."""
    script = (
        "import polars as pl\n"
        "from negawatt.pipelines.exports import charts, chart_style\n"
        "rows = pl.DataFrame({'time_ms': [0, 3600000], 'power_kw': [1.0, 2.0]})\n"
        "base = pl.DataFrame({'time_ms': [0], 'baseline_kw': [2.0], 'lower_kw': [1.0], "
        "'upper_kw': [3.0]})\n"
        "spans = pl.DataFrame({'start_ms': [0], 'end_ms': [3600000], 'kind': ['event']})\n"
        "chart = charts.event_chart(rows, base, spans, [], time_title='t')\n"
        "print(chart_style.to_svg(chart, 'a'))\n"
    )

    shown = subprocess.run(  # noqa: S603 - this interpreter, our own text
        [sys.executable, "-c", script],
        env=os.environ | {"TZ": "Asia/Tokyo"},
        capture_output=True,
        check=True,
        text=True,
    ).stdout

    assert {"00:00", "00:30"} <= set(texts(shown))


def test_names_never_overlap_and_stay_on_the_chart() -> None:
    """Three wanted at 290, 292 and 295 of 300: the last at 295, the others 32 apart above it."""
    places = spread([292.0, 290.0, 295.0], 32.0, 300.0)

    assert sorted(places) == pytest.approx([236.0, 268.0, 300.0])
    assert places[1] < places[0] < places[2]


def test_a_power_axis_starts_at_zero_unless_all_would_lie_flat() -> None:
    """A drop by 10% of 1,000 kW lies flat at the top; one by 30% does not.

    900 less half of the 100 kW it spans is 850 kW, and 800 kW is the next whole hundred.
    """
    cut_kw, _ = power_domain([pl.Series([900.0, 1000.0])], [])
    whole_kw, _ = power_domain([pl.Series([700.0, 1000.0])], [])

    assert cut_kw == 800.0
    assert whole_kw == 0.0


def test_a_site_that_exports_has_an_axis_below_zero() -> None:
    low_kw, high_kw = power_domain([pl.Series([-50.0, 100.0])], [])

    assert low_kw == -50.0
    assert high_kw > 100.0
