"""The kinds of jobs as data: how large, how long, how flexible, and how their power dips.

Here: the tables. Not here: drawing jobs from them (negawatt.models.simulation.jobs), and the
power curves under caps (negawatt.models.simulation.cap_response).

The tables are choices, not measurements: sizes and lengths give a hall that is full on weekdays
and less so at weekends. The cluster's follow what Hu et al. ("Characterization of Large Language
Model Development in the Datacenter", NSDI 2024, arXiv 2403.07648) say of the Acme clusters: short
small jobs are the most, pre-training takes most of the GPU time, and large runs have nodes
reserved. Levels spread as its GPUs do: of the published power of A100 GPUs above half of their
limit the mean is 0.93 and 0.88 of the limit and the standard deviation 0.14 and 0.16 (Kalos and
Seren, AcmeTrace, CC BY 4.0), jobs, phases and dips together. Tiers follow the Phoenix trial
(arXiv 2507.00909): 0 keeps its speed, 1 gives up 10 %, 2 gives up 25 %, 3 gives up half of it and
may be paused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from negawatt.models.simulation.cap_response import JobClass

PAUSE_TIER: Final = 3
# The deepest cap of a tier, over the GPU's limit; pre-training at 0.6 of the limit keeps 75 % of
# its speed, at 0.8 nearly 90 %. Tier 3 is paused instead, tier 0 is left alone.
DEEPEST_CAP_RATIO: Final[Mapping[int, float]] = {1: 0.8, 2: 0.6}
# Loading a checkpoint after a pause: no progress, little power.
RESTART_S: Final = 180
# GPU power over the limit while a job loads, saves or evaluates. A choice: low enough to be seen
# as a dip at the site, above the idle power of an H100 (66-70 W of 700 W).
DIP_POWER_RATIO: Final = 0.3


# The same while a job warms up; a choice between loading and work.
WARM_UP_POWER_RATIO: Final = 0.5


class JobMix(StrEnum):
    """Which batch jobs arrive.

    Attributes:
        SMALL_HALL: Jobs of up to two nodes, alike in their class: the demonstration's.
        CLUSTER: Many short jobs, and gangs of whole nodes that take most of the GPU time.
    """

    SMALL_HALL = "small_hall"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchProfile:
    """One class of batch jobs.

    Attributes:
        gpu_time_share: Its share of all GPU time that batch jobs ask for.
        gpu_counts: Sizes; above one node's GPUs a job takes whole nodes.
        gpu_count_weights: How often each size is asked for.
        runtime_median_s: Median runtime at full speed [s].
        runtime_log_sd: Standard deviation of the runtime's logarithm.
        tier_weights: How often each tier occurs.
        dip_every_s: Work between checkpoints or evaluations [s].
        dip_s: Length of one such dip, in work at full speed [s].
        longest_medians: Longest runtime over the median.
        largest_ratio: Largest size over the GPUs of the pool; a node's are always allowed.
        level_mean: Mean power over the class's in the power-cap sweep.
        level_sd: Standard deviation of that ratio from job to job.
        estimate_factor: Range of the users' estimates over the true runtime.
        phase_every_s: Mean work between two changes of a job's power [s].
        phase_sd: Standard deviation of a phase's power over the job's level.
        warm_up_s: Range of the work at the start that draws less [s].
    """

    gpu_time_share: float
    gpu_counts: tuple[int, ...]
    gpu_count_weights: tuple[float, ...]
    runtime_median_s: float
    runtime_log_sd: float
    tier_weights: Mapping[int, float]
    dip_every_s: float
    dip_s: float
    longest_medians: float = 4.0
    largest_ratio: float = 1.0
    level_mean: float = 1.0
    level_sd: float = 0.02
    estimate_factor: tuple[float, float] = (1.1, 2.5)
    phase_every_s: float = float("inf")
    phase_sd: float = 0.0
    warm_up_s: tuple[float, float] = (0.0, 0.0)


BATCH_PROFILES: Final[Mapping[JobClass, BatchProfile]] = {
    JobClass.PRETRAINING: BatchProfile(
        gpu_time_share=0.3,
        gpu_counts=(4, 8, 16),
        gpu_count_weights=(0.5, 0.45, 0.05),
        runtime_median_s=50_400.0,
        runtime_log_sd=0.5,
        tier_weights={1: 0.2, 2: 0.8},
        dip_every_s=3_600.0,
        dip_s=90.0,
    ),
    JobClass.FINETUNING: BatchProfile(
        gpu_time_share=0.35,
        gpu_counts=(1, 2, 4, 8),
        gpu_count_weights=(0.2, 0.3, 0.3, 0.2),
        runtime_median_s=12_600.0,
        runtime_log_sd=0.7,
        tier_weights={0: 0.05, 1: 0.1, 2: 0.45, 3: 0.4},
        dip_every_s=1_800.0,
        dip_s=45.0,
    ),
    JobClass.BATCH_INFERENCE: BatchProfile(
        gpu_time_share=0.35,
        gpu_counts=(1, 2, 4),
        gpu_count_weights=(0.3, 0.4, 0.3),
        runtime_median_s=9_000.0,
        runtime_log_sd=0.8,
        tier_weights={2: 0.1, 3: 0.9},
        dip_every_s=900.0,
        dip_s=10.0,
    ),
}

CLUSTER_PROFILES: Final[Mapping[JobClass, BatchProfile]] = {
    JobClass.PRETRAINING: BatchProfile(
        gpu_time_share=0.55,
        gpu_counts=(8, 16, 32, 64),
        gpu_count_weights=(0.38, 0.3, 0.21, 0.11),
        runtime_median_s=50_400.0,
        runtime_log_sd=1.0,
        tier_weights={0: 0.1, 1: 0.4, 2: 0.5},
        longest_medians=10.0,
        dip_every_s=3_600.0,
        dip_s=90.0,
        largest_ratio=0.34,
        level_mean=0.96,
        level_sd=0.08,
        estimate_factor=(1.1, 3.0),
        phase_every_s=21_600.0,
        phase_sd=0.05,
        warm_up_s=(300.0, 1_200.0),
    ),
    JobClass.FINETUNING: BatchProfile(
        gpu_time_share=0.27,
        gpu_counts=(1, 2, 4, 8, 16),
        gpu_count_weights=(0.25, 0.2, 0.25, 0.25, 0.05),
        runtime_median_s=16_200.0,
        runtime_log_sd=1.0,
        tier_weights={0: 0.08, 1: 0.22, 2: 0.4, 3: 0.3},
        longest_medians=10.0,
        dip_every_s=1_800.0,
        dip_s=45.0,
        largest_ratio=0.34,
        level_mean=0.97,
        level_sd=0.11,
        estimate_factor=(1.1, 4.0),
        phase_every_s=7_200.0,
        phase_sd=0.05,
        warm_up_s=(120.0, 600.0),
    ),
    JobClass.BATCH_INFERENCE: BatchProfile(
        gpu_time_share=0.18,
        gpu_counts=(1, 2, 4, 8),
        gpu_count_weights=(0.35, 0.25, 0.25, 0.15),
        runtime_median_s=10_800.0,
        runtime_log_sd=0.8,
        tier_weights={1: 0.1, 2: 0.3, 3: 0.6},
        longest_medians=10.0,
        dip_every_s=900.0,
        dip_s=10.0,
        level_mean=0.93,
        level_sd=0.13,
        estimate_factor=(1.1, 4.0),
        phase_every_s=5_400.0,
        phase_sd=0.07,
        warm_up_s=(60.0, 240.0),
    ),
}
# Large training runs on nodes of their own, a few at a time.
RESERVED_PROFILE: Final = BatchProfile(
    gpu_time_share=1.0,
    gpu_counts=(8, 16, 32, 64),
    gpu_count_weights=(0.2, 0.3, 0.3, 0.2),
    runtime_median_s=61_200.0,
    runtime_log_sd=0.8,
    tier_weights={0: 0.3, 1: 0.4, 2: 0.3},
    dip_every_s=3_600.0,
    dip_s=120.0,
    level_mean=0.97,
    level_sd=0.06,
    estimate_factor=(1.1, 2.0),
    phase_every_s=21_600.0,
    phase_sd=0.05,
    warm_up_s=(300.0, 1_200.0),
)
PROFILES_OF_MIX: Final[Mapping[JobMix, Mapping[JobClass, BatchProfile]]] = {
    JobMix.SMALL_HALL: BATCH_PROFILES,
    JobMix.CLUSTER: CLUSTER_PROFILES,
}
