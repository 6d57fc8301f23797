"""The agent's own page, read by another's parser."""

import asyncio
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from negawatt.collectors.health import Metric, rendered, served

_METRICS = (
    Metric("negawatt_collect_samples_total", "Readings kept.", 12.0),
    Metric("negawatt_collect_targets", "Targets.", 2.0, (("state", "read"),)),
    Metric("negawatt_collect_targets", "Targets.", 0.5, (("state", 'a "b"\\\n'),)),
)


def _values(page: str) -> dict[tuple[str, str], float]:
    return {
        (sample.name, sample.labels.get("state", "")): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def test_what_is_rendered_is_what_another_parser_reads() -> None:
    assert _values(rendered(_METRICS)) == {
        ("negawatt_collect_samples_total", ""): 12.0,
        ("negawatt_collect_targets", "read"): 2.0,
        ("negawatt_collect_targets", 'a "b"\\\n'): 0.5,
    }


def test_the_page_is_served_where_prometheus_looks() -> None:
    async def run() -> str:
        async with served(lambda: _METRICS, "127.0.0.1", 0) as port:
            return await asyncio.to_thread(_read, f"http://127.0.0.1:{port}/metrics")

    assert _values(asyncio.run(run())) == _values(rendered(_METRICS))


def _read(url: str) -> str:
    with urlopen(url, timeout=5) as answer:  # noqa: S310 - our own server on loopback
        body: bytes = answer.read()
    return body.decode()
