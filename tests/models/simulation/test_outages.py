from datetime import UTC, datetime
from itertools import pairwise

from negawatt.models.simulation.incidents import Churn, FailureModel, Incidents
from negawatt.models.simulation.outages import draw_outages
from negawatt.models.simulation.plan import HallPlan

START_UTC = datetime(2026, 6, 2, tzinfo=UTC)
PLAN = HallPlan(
    site_id="hall",
    seed=3,
    start_utc=START_UTC,
    days=100,
    nodes=100,
    failures=FailureModel(per_1000_node_days=6.5),
)


def test_nodes_fail_as_often_as_the_plan_says() -> None:
    """10 000 node-days at 6.5 in a thousand are 65, give or take 3 * sqrt(65) = 24."""
    outages = draw_outages(PLAN)

    assert abs(len(outages) - 65) < 24
    assert len({outage.node for outage in outages}) > 30


def test_outages_of_one_node_do_not_touch() -> None:
    often = PLAN.model_copy(update={"failures": FailureModel(per_1000_node_days=1000)})

    outages = [outage for outage in draw_outages(often) if outage.node == 0]

    assert len(outages) > 20
    assert all(earlier.up_s < later.down_s for earlier, later in pairwise(outages))


def test_churn_takes_a_share_of_the_nodes_within_its_span() -> None:
    """An eighth of 100 nodes, rounded, between 10:00 and 11:00 of the first day."""
    churn = Churn(
        start_utc=START_UTC.replace(hour=10), end_utc=START_UTC.replace(hour=11), node_ratio=0.125
    )
    quiet = PLAN.model_copy(
        update={"failures": FailureModel(), "incidents": Incidents(churn=churn)}
    )

    outages = draw_outages(quiet)

    assert len({outage.node for outage in outages}) == 12
    assert all(10 * 3600 <= outage.down_s < 11 * 3600 for outage in outages)
