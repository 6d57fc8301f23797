"""What benchmarks share: timing one thing against a named reference in the same run."""

import time
from collections.abc import Callable

import pytest

# Programs for another Python, which has what they compare us with or load a GPU with.
collect_ignore = ["opendsm_hourly.py", "gpu/load.py"]


def best_s(work: Callable[[], object], repeats: int = 5) -> float:
    """Return the shortest of several runs [s]: the one that the machine disturbed least."""
    times_s = []
    for _ in range(repeats):
        start_s = time.perf_counter()
        work()
        times_s.append(time.perf_counter() - start_s)
    return min(times_s)


Report = Callable[[str, float, float, float], None]


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Report:
    """Print a ratio, and hold it against the most it may be."""

    def compare(what: str, ours_s: float, reference_s: float, limit: float) -> None:
        ratio = ours_s / reference_s
        with capsys.disabled():
            print(f"\n{what}: {ratio:.3f} of the reference (limit {limit})", end="")
        assert ratio <= limit

    return compare
