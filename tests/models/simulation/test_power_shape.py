import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.simulation.cap_response import JobClass
from negawatt.models.simulation.job_power import batch_power_ratio
from negawatt.models.simulation.jobs import Job
from negawatt.models.simulation.layout import Pool
from negawatt.models.simulation.power_shape import PowerShape, draw_shape
from negawatt.models.simulation.workloads import CLUSTER_PROFILES


def test_a_job_warms_up_works_and_changes_its_level_with_the_work_done() -> None:
    """Pre-training at 0.9554: half power while it warms up, then its level, then 0.9 of that.

    No dip but the loading: the steps start at 100, 700 and 2000 s of work.
    """
    job = Job(
        job_id="job",
        job_class=JobClass.PRETRAINING,
        tier=2,
        pool=Pool.BATCH,
        gpu_count=8,
        submit_s=0,
        work_s=9000.0,
        level_ratio=0.9,
        shape=PowerShape(
            dip_every_s=1e6,
            dip_s=10.0,
            warm_up_s=600.0,
            phase_from_s=(0.0, 1800.0),
            phase_ratio=(1.0, 0.9),
        ),
    )

    ratio = batch_power_ratio(job, np.array([100.0, 700.0, 2000.0, 3000.0]))

    level = 0.9554 * 0.9
    assert ratio == pytest.approx([0.5, level, 0.9 * level])


@given(
    seed=st.integers(0, 2**32),
    work_s=st.floats(60, 1e6),
    job_class=st.sampled_from(list(CLUSTER_PROFILES)),
)
@settings(max_examples=50)
def test_a_drawn_shape_fits_its_job(seed: int, work_s: float, job_class: JobClass) -> None:
    shape = draw_shape(CLUSTER_PROFILES[job_class], work_s, np.random.default_rng(seed))

    assert shape.warm_up_s <= work_s
    assert len(shape.phase_from_s) == len(shape.phase_ratio)
    assert list(shape.phase_from_s) == sorted(shape.phase_from_s)
    assert 0 <= shape.phase_from_s[-1] <= work_s
    assert 0.8 <= min(shape.phase_ratio) <= max(shape.phase_ratio) <= 1.15
    assert 0 < shape.dip_s < shape.dip_every_s
    assert 0 <= work_s - shape.checkpoint_s(work_s) < shape.dip_every_s
