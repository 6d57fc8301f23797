"""Reading an exporter page: ours, warm, against prometheus_client's parser on the same page."""

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.conftest import Report, best_s
from negawatt.collectors.emulator import EmulatedGpu, render_page
from negawatt.collectors.sources.exposition import PageParser

PAGE = render_page(
    [
        EmulatedGpu(
            gpu_uuid=f"GPU-{index}",
            index=index,
            power_milliwatt=412_345,
            energy_total_millijoule=123_456_789,
            power_limit_milliwatt=700_000,
            gpu_util_ratio=0.97,
            gpu_temperature_c=61,
        )
        for index in range(8)
    ]
)


def test_a_page_is_read_in_a_fraction_of_the_common_parsers_time(report: Report) -> None:
    parser, text = PageParser(), PAGE.decode()
    parser.parse(PAGE)

    ours_s = best_s(lambda: [parser.parse(PAGE) for _ in range(50)])
    reference_s = best_s(lambda: [list(text_string_to_metric_families(text)) for _ in range(50)])

    report("exporter page, warm, against prometheus_client", ours_s, reference_s, 0.25)
