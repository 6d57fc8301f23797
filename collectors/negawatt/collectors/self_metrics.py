"""The agent's own figures, gathered from its parts.

Here: which figure stands where, and its name. Not here: the page (negawatt.collectors.health).
"""

from collections.abc import Iterator, Mapping

from negawatt.collectors.clock_watch import ClockWatch
from negawatt.collectors.health import Metric
from negawatt.collectors.sources.nvml_source import NvmlSource

_PREFIX = "negawatt_collect"


def of_agent(
    *,
    missed_tick_count: int,
    sample_count: int,
    expected_count: int,
    received_count: int,
    log_age_s: float,
    targets_of_state: Mapping[str, int],
) -> Iterator[Metric]:
    """Give the figures of the loop and the log."""
    yield Metric(
        f"{_PREFIX}_missed_ticks_total", "Ticks the agent was late for.", missed_tick_count
    )
    yield Metric(f"{_PREFIX}_samples_total", "Readings kept.", sample_count)
    yield Metric(f"{_PREFIX}_expected_total", "Readings that should have come.", expected_count)
    yield Metric(f"{_PREFIX}_received_total", "Readings that came.", received_count)
    yield Metric(f"{_PREFIX}_log_age_seconds", "Since the log was last written.", log_age_s)
    for state, count in sorted(targets_of_state.items()):
        yield Metric(f"{_PREFIX}_targets", "GPU targets by state.", count, (("state", state),))


def of_sources(count_by_state: Mapping[tuple[str, str], int]) -> Iterator[Metric]:
    """Give how many controllers and meter files are in each state."""
    for (kind, state), count in sorted(count_by_state.items()):
        yield Metric(
            f"{_PREFIX}_sources",
            "Controllers and meter files by state.",
            count,
            (("kind", kind), ("state", state)),
        )


def of_driver(source: NvmlSource) -> Iterator[Metric]:
    """Give the figures of the fast loop."""
    facts = source.facts
    for name, meaning, value in (
        ("ticks_total", "Ticks of the fast loop that were due.", facts.tick_count),
        ("missed_ticks_total", "Ticks the fast loop was late for.", facts.missed_tick_count),
        (
            "backed_off_ticks_total",
            "Ticks that were left to the workload.",
            facts.backed_off_tick_count,
        ),
        ("calls_total", "Calls of the driver.", facts.call_count),
        ("failed_calls_total", "Calls that did not succeed.", facts.failed_call_count),
        (
            "seconds_total",
            "Time inside the driver, all calls of the fast loop.",
            facts.driver_time_s,
        ),
        (
            "slow_seconds_total",
            "The same of the slow loop.",
            facts.slow_driver_time_s,
        ),
        (
            "time_ratio",
            "Time inside the driver as a share of the last stretch.",
            facts.driver_time_ratio,
        ),
        ("longest_call_seconds", "Longest call of the last stretch.", facts.longest_call_s),
        ("worst_late_seconds", "Latest sweep of the last stretch.", facts.worst_late_s),
        ("stride_ticks", "Only each so many ticks is swept.", facts.stride),
        (
            "energy_stride_ticks",
            "From one energy of a GPU to the next, at most.",
            facts.energy_stride,
        ),
        ("cpu_seconds", "What the sampling thread has used of a core.", source.cpu_time_s()),
    ):
        yield Metric(f"{_PREFIX}_driver_{name}", meaning, value)
    gpus = {
        "asked": facts.gpus_asked - facts.gpus_hung,
        "hung": facts.gpus_hung,
        "failed": facts.gpu_count - facts.gpus_asked,
    }
    for state, count in gpus.items():
        yield Metric(f"{_PREFIX}_driver_gpus", "GPUs by state.", count, (("state", state),))


def of_clock(watch: ClockWatch) -> Iterator[Metric]:
    """Give what is known of the wall clock."""
    yield Metric(f"{_PREFIX}_clock_steps_total", "Steps of the wall clock.", watch.step_count)
    yield Metric(f"{_PREFIX}_clock_sleeps_total", "Sleeps of the machine.", watch.sleep_count)
    if state := watch.state:
        yield Metric(
            f"{_PREFIX}_clock_synchronized", "1 where NTP or PTP keeps it.", state.is_synchronized
        )
        yield Metric(
            f"{_PREFIX}_clock_offset_seconds", "What it is being corrected by.", state.offset_s
        )
        yield Metric(
            f"{_PREFIX}_clock_most_error_seconds", "The most it may be off.", state.most_error_s
        )
