"""From signed messages on the bus to a statement that cites them, through the tables."""

from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from negawatt.collectors.message import Message
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.settlement.bundle.verify import verify_bundle
from negawatt.pipelines import run
from negawatt.pipelines.exports.bundle import Wanted, write_bundle
from negawatt.pipelines.exports.report import PAGE, write_report
from negawatt.pipelines.publish import publish_settlement
from negawatt.pipelines.settlement import gather_inputs
from negawatt.warehouse.event_tables import find_event
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import read_all_raw, seal_rows
from negawatt.warehouse.sites import Site, register_sites
from tests.collectors.dsx.senders import (
    AGENT,
    CORRELATION,
    ISV,
    Sender,
    load_target,
    opened,
    power_state,
    target,
    terms,
)
from tests.pipelines.conftest import (
    AFTER_UTC,
    EVENT,
    EVENT_END_UTC,
    EVENT_START_UTC,
    FIRST_DAY,
    LAST_DAY,
    SITE,
    meter_rows,
)

pytestmark = pytest.mark.slow

HEARD = f"{CORRELATION}.main-a"


def heard_site(folder: Path, *, compliant: bool, calculated_kw: float, limit_kw: float) -> Layout:
    """Make a warehouse whose one event and whose agent's states came over the bus."""
    layout = Layout(folder / "warehouse")
    site = Site(
        time_zone="America/New_York",
        settlement_meter_id="feeder",
        revenue_grade=True,
        boundary="one feeder",
    )
    register_sites(layout, {SITE: site})
    seal_rows(layout, "raw_meter__readings", SITE, "test", meter_rows())
    isv, agent = Sender(ISV, "isv-1"), Sender(AGENT, "agent-1")
    asked_utc = EVENT_START_UTC - timedelta(hours=1)
    ask = load_target(target(limit_kw, start_utc=EVENT_START_UTC, end_utc=EVENT_END_UTC))
    messages = [_at(asked_utc, isv, "grid.loadtarget.set.v1", ask, 1, correlationid=CORRELATION)]
    for number in range(12):
        at_utc = EVENT_START_UTC + number * timedelta(minutes=10)
        state = power_state(compliant=compliant, load_kw=calculated_kw, at_utc=at_utc)
        limit = {"value": limit_kw, "unit": "kilowatt"}
        state["feeds"]["main-a"]["targets"][0]["load_constraint"] = limit
        messages.append(_at(at_utc, agent, "grid.powerstate.status.v1", state, 2 + number))
    store = opened(layout.root, terms(isv, agent, site_id=SITE))
    store.keep(messages)
    store.close()
    run.run_daily_metering(layout, SITE, FIRST_DAY, LAST_DAY, fixed_utc=AFTER_UTC)
    return layout


@pytest.fixture(scope="module")
def in_agreement(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A site whose agent calculates 38 kW where the meter reads 40, below the limit of 45."""
    folder = tmp_path_factory.mktemp("heard")
    return heard_site(folder, compliant=True, calculated_kw=38.0, limit_kw=45.0)


def _at(
    at_utc: datetime,
    sender: Sender,
    event_type: str,
    content: dict[str, Any],
    number: int,
    **more: object,
) -> Message:
    envelope = sender.envelope(
        event_type, sender.sign(content), number=number, time=at_utc.isoformat(), **more
    )
    return sender.wrapped(envelope, at_utc)


def findings(layout: Layout) -> dict[FindingCode, Finding]:
    body = publish_settlement(layout, HEARD, AFTER_UTC)[0].body
    codes = {FindingCode.GRID_MESSAGE_SIGNED, FindingCode.AGENT_STATES_COMPARED}
    return {one.code: one for one in body.findings if one.code in codes}


def test_a_statement_cites_the_signed_string_that_asked_for_its_event(
    in_agreement: Layout,
) -> None:
    found = findings(in_agreement)

    kept = read_all_raw(in_agreement, "raw_grid__messages", SITE).row(
        by_predicate=pl.col("message_type") == "grid.loadtarget.set.v1",
        named=True,
    )
    cited = found[FindingCode.GRID_MESSAGE_SIGNED]
    assert cited.evidence["jws"] == kept["jws"]
    assert cited.evidence["jws_sha256"] == sha256(kept["jws"].encode()).hexdigest()
    assert cited.evidence["signing_key_id"] == "isv-1"
    assert find_event(in_agreement, HEARD).limit_kw == 45.0


def test_the_agents_word_stands_beside_the_meter_and_its_bundle_verifies(
    in_agreement: Layout,
) -> None:
    """The meter reads 40 kW in all 8 quarters of an hour, the agent calculates 38."""
    compared = findings(in_agreement)[FindingCode.AGENT_STATES_COMPARED]

    assert compared.severity is Severity.INFO
    assert compared.evidence["compared_count"] == 8
    assert compared.evidence["calculated_less_measured_kw_mean"] == -2.0
    written = write_bundle(in_agreement, HEARD, Wanted(signed_at_utc=AFTER_UTC))
    assert not verify_bundle(written.path.read_bytes()).failures


def test_an_agent_that_states_compliance_where_the_meter_is_above_is_a_warning(
    tmp_path: Path,
) -> None:
    layout = heard_site(tmp_path, compliant=True, calculated_kw=34.0, limit_kw=35.0)

    compared = findings(layout)[FindingCode.AGENT_STATES_COMPARED]

    assert compared.severity is Severity.WARNING
    assert compared.evidence["agent_only_count"] == 8
    assert "the load that the agent calculates is not the meter's" in compared.message
    page = (write_report(layout, HEARD) / PAGE).read_text("utf-8")
    assert "on average the agent calculates 34.0 kW and the meter read 40.0 kW" in page
    assert "the signature is of key isv-1" in page


def test_a_site_without_a_listener_has_the_inputs_that_it_had(layout: Layout) -> None:
    run.run_daily_metering(layout, SITE, FIRST_DAY, LAST_DAY, fixed_utc=AFTER_UTC)

    inputs = gather_inputs(layout, EVENT).inputs

    assert not {"raw_grid__messages", "raw_grid__agent_states"} & set(inputs.input_sha256)
    assert FindingCode.GRID_MESSAGE_SIGNED not in {one.code for one in inputs.data_findings}
