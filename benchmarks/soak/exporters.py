"""Hundreds of emulated exporters in one process: pages of 8 GPUs that change, and a few that fail.

    python -m benchmarks.soak.exporters COUNT

Prints its port, and serves until it is stopped. Not here: scraping (test_exporters).
"""

import asyncio
import math
import sys
import time
from itertools import chain
from typing import Final

from negawatt.collectors.emulated_page import EmulatedGpu, render_page
from negawatt.collectors.emulator import Emulator, Failure

GPUS: Final = 8
# What the last of the exporters do wrong, and in which share of each minute.
FAILURES: Final = (
    (Failure.HANG, 0.5),
    (Failure.HTTP_500, 0.1),
    (Failure.TRUNCATED, 0.1),
    (Failure.EMPTY, 0.3),
    (Failure.STALE, 0.5),
)
_START_MILLIJOULE = 15_152_422_938
_POWER_MARK, _ENERGY_MARK = 999_000_999, 999_000_999_000_999


class _Node:
    """The pages of one exporter: what never changes is rendered once."""

    def __init__(self, number: int) -> None:
        page = render_page(
            [
                EmulatedGpu(
                    gpu_uuid=f"GPU-{number:08d}-74d7-3130-46f1-e93ed57f469{index}",
                    index=index,
                    host_name=f"node-{number:03d}",
                    power_milliwatt=_POWER_MARK,
                    energy_total_millijoule=_ENERGY_MARK,
                    power_limit_milliwatt=700_000,
                    gpu_util_ratio=0.97,
                    gpu_temperature_c=61,
                    other_counters=True,
                )
                for index in range(GPUS)
            ]
        )
        before, *power_parts = page.split(f"{_POWER_MARK // 1000}.{_POWER_MARK % 1000}000".encode())
        middle, *energy_parts = power_parts.pop().split(str(_ENERGY_MARK).encode())
        self._parts = [before, *power_parts, middle, *energy_parts]
        self._number = number

    def page(self, elapsed_s: float) -> bytes:
        """Return the page at a time: a mean of 500 W with a swing of 100 W, and its integral."""
        phases = [elapsed_s / 10 + self._number + gpu for gpu in range(GPUS)]
        values = [f"{500 + 100 * math.sin(phase):.6f}" for phase in phases] + [
            str(_START_MILLIJOULE + round(500_000 * elapsed_s + 1e6 * (1 - math.cos(phase))))
            for phase in phases
        ]
        texts = [value.encode() for value in values] + [b""]
        return b"".join(chain.from_iterable(zip(self._parts, texts, strict=True)))


async def _serve(count: int) -> None:
    start_s = time.monotonic()
    nodes = {f"node-{number:03d}": _Node(number) for number in range(count)}

    def page(name: str) -> bytes:
        return nodes[name].page(time.monotonic() - start_s)

    async with Emulator(page) as emulator:
        print(emulator.url("").split(":")[2].split("/")[0], flush=True)
        while True:
            await asyncio.sleep(1)
            share = (time.monotonic() - start_s) % 60 / 60
            emulator.failures = {
                f"node-{count - 1 - n:03d}": failure
                for n, (failure, failing_share) in enumerate(FAILURES)
                if share > 1 - failing_share
            }


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
