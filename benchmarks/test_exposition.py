"""From an exporter's page to readings: ours, warm, against prometheus_client's parser alone."""

from datetime import UTC, datetime
from itertools import cycle

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.conftest import Report, best_s
from negawatt.collectors.emulated_page import EmulatedGpu, render_page
from negawatt.collectors.sources.dcgm_page import PagePlan
from negawatt.collectors.sources.exposition import PageParser
from negawatt.collectors.sources.protocol import Stamp

_STAMP = Stamp(observed_at_utc=datetime(2026, 7, 1, tzinfo=UTC), monotonic_ns=0, read_latency_ns=0)


def _page(second: int) -> bytes:
    """Eight GPUs with the exporter's default counters and pod labels: 24 families, 192 samples."""
    return render_page(
        [
            EmulatedGpu(
                gpu_uuid=f"GPU-6d5c0ac5-74d7-3130-46f1-e93ed57f469{index}",
                index=index,
                power_milliwatt=412_345 + 1000 * second,
                energy_total_millijoule=123_456_789 + 412_345 * second,
                power_limit_milliwatt=700_000,
                gpu_util_ratio=0.97,
                gpu_temperature_c=61,
                more_labels='container="trainer",namespace="research",'
                f'pod="llm-pretraining-worker-{index}"',
                other_counters=True,
            )
            for index in range(8)
        ]
    )


PAGES = [_page(second) for second in range(50)]


def test_a_page_becomes_readings_in_a_fraction_of_the_common_parsers_time(report: Report) -> None:
    """The reference makes samples of the pages; ours makes readings, and has to be 80 x faster."""
    parser = PageParser()
    plan = PagePlan(parser.parse(PAGES[0]).layout)
    pages, texts = cycle(PAGES), cycle([page.decode() for page in PAGES])

    # One page at a time, so that the best of many is one that the machine did not disturb.
    ours_s = best_s(
        lambda: plan.interpret(parser.parse(next(pages)), _STAMP, subject="n1"), repeats=1000
    )
    reference_s = best_s(lambda: list(text_string_to_metric_families(next(texts))), repeats=60)

    assert parser.parse(PAGES[-1]).layout is plan.layout
    print(
        f"\n{1000 * ours_s:.3f} ms a page of {len(PAGES[0])} bytes, prometheus_client "
        f"{1000 * reference_s:.1f} ms: {reference_s / ours_s:.0f} times as long",
        end="",
    )
    report("exporter page, warm, against prometheus_client", ours_s, reference_s, 1 / 80)
