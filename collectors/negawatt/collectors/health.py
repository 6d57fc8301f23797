"""What the agent says of itself: a page in the format that Prometheus reads.

Here: the page and the server for it. Not here: what is counted, which whoever does the work knows.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure.

    Attributes:
        name: As Prometheus wants it, unit last; one that ends in ``_total`` only rises.
        meaning: In one sentence.
        value: The figure.
        labels: What it is of.
    """

    name: str
    meaning: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


def rendered(metrics: Iterable[Metric]) -> str:
    r"""Return the page; figures of one name stand together under one heading.

    Examples:
        >>> print(rendered([Metric("negawatt_targets", "Targets by state.", 2.0,
        ...     (("state", "read"),))]), end="")
        # HELP negawatt_targets Targets by state.
        # TYPE negawatt_targets gauge
        negawatt_targets{state="read"} 2
    """
    of_name: dict[str, list[Metric]] = {}
    for metric in metrics:
        of_name.setdefault(metric.name, []).append(metric)
    lines = []
    for name, group in of_name.items():
        kind = "counter" if name.endswith("_total") else "gauge"
        lines += [f"# HELP {name} {group[0].meaning}", f"# TYPE {name} {kind}"]
        lines += [f"{name}{_labels(metric)} {metric.value:.15g}" for metric in group]
    return "".join(f"{line}\n" for line in lines)


def _labels(metric: Metric) -> str:
    pairs = ",".join(f'{key}="{_escaped(value)}"' for key, value in metric.labels)
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@asynccontextmanager
async def served(
    metrics: Callable[[], Iterable[Metric]], host: str, port: int
) -> AsyncIterator[int]:
    """Serve the page at ``/metrics`` and give the port; 0 takes a free one.

    Raises:
        OSError: The address is taken.
    """

    async def page(_request: web.Request) -> web.Response:
        return web.Response(
            text=rendered(metrics()),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    application = web.Application()
    application.router.add_get("/metrics", page)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
