import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.simulation.cap_response import (
    CAP_RATIO,
    POWER_RATIO,
    SPEED_RATIO,
    JobClass,
    capped_power_ratio,
    power_ceiling_ratio,
    speed_ratio,
)

SWEPT = {
    JobClass.PRETRAINING: ("pt_mpt_13b_lg", "pt_mpt_13b_sm", "pt_mpt_7b_fast"),
    JobClass.FINETUNING: ("ft_llama_8b_dolly", "ft_llama_8b_p3"),
    JobClass.BATCH_INFERENCE: ("infer_llama_8b",),
}
LIMIT_W = 400.0


def test_pretraining_at_three_quarters_of_the_limit_keeps_the_mean_of_the_three_published() -> None:
    """Sweep at 300 W: 0.8596, 0.8660 and 0.8744 of the throughput; their mean is 0.8667."""
    assert speed_ratio(JobClass.PRETRAINING, 0.75) == pytest.approx(0.8667, abs=5e-5)


def test_between_two_points_of_the_sweep_the_speed_is_on_the_straight_line() -> None:
    """0.6 is 0.8 of the way from 0.5 to 0.625: 0.6291 + 0.8 * (0.7837 - 0.6291) = 0.75278."""
    assert speed_ratio(JobClass.PRETRAINING, 0.6) == pytest.approx(0.75278)


def test_a_cap_above_what_the_work_draws_changes_nothing() -> None:
    resting = np.array([0.3, 0.5])

    capped = capped_power_ratio(JobClass.ONLINE_INFERENCE, resting, 0.8)

    assert capped.tolist() == [0.3, 0.5]


@given(
    job_class=st.sampled_from(JobClass),
    cap_ratios=st.tuples(st.floats(0.25, 1.0), st.floats(0.25, 1.0)),
)
@settings(max_examples=50)
def test_a_deeper_cap_never_gives_more_power_or_speed(
    job_class: JobClass, cap_ratios: tuple[float, float]
) -> None:
    deeper, milder = sorted(cap_ratios)

    assert speed_ratio(job_class, deeper) <= speed_ratio(job_class, milder)
    assert power_ceiling_ratio(job_class, deeper) <= power_ceiling_ratio(job_class, milder)


@pytest.mark.shared
def test_the_numbers_are_the_published_sweeps(shared_data: Path) -> None:
    """Each number is the mean over the workloads of its class, to four places."""
    with (shared_data / "phoenix" / "power_cap_sweep.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    for job_class, workloads in SWEPT.items():
        for place, cap_ratio in enumerate(CAP_RATIO):
            points = [
                row
                for row in rows
                if row["Workload"] in workloads
                and float(row["GPU power cap"]) == cap_ratio * LIMIT_W
            ]
            speed = np.mean([float(row["normalized throughput"]) for row in points])
            power = np.mean([float(row["power per GPU"]) for row in points]) / LIMIT_W
            assert len(points) == len(workloads)
            assert SPEED_RATIO[job_class][place] == pytest.approx(speed, abs=6e-5)
            assert POWER_RATIO[job_class][place] == pytest.approx(power, abs=6e-5)
