"""A load for recordings of a GPU: busy and idle by turns, as told on stdin.

A line `{"busy_s": 0.5, "idle_s": 0.5, "duration_s": 20}` makes the GPU multiply matrices for half
of each second; a line comes back that says when it was busy, by the monotonic clock, and how many
products it made. Run by a Python that has PyTorch, which is no dependency of ours.
Not here: what is recorded meanwhile (record.py).
"""

import json
import sys
import time
from collections.abc import Callable

import torch  # type: ignore[import-not-found]  # of another Python

SIZE = 4096
AT_ONCE = 4  # products between two looks at the clock: about 0.7 ms on an H100
NS_PER_S = 1_000_000_000


def main() -> None:
    """Follow the lines of stdin until they end."""
    left, right = (torch.randn(SIZE, SIZE, device="cuda", dtype=torch.bfloat16) for _ in "ab")
    product = torch.empty_like(left)

    def multiply(until_ns: int) -> int:
        count = 0
        while time.monotonic_ns() < until_ns:
            for _ in range(AT_ONCE):
                torch.mm(left, right, out=product)
            torch.cuda.synchronize()
            count += AT_ONCE
        return count

    multiply(time.monotonic_ns() + NS_PER_S)
    _say({"gpu": torch.cuda.get_device_name(), "torch": torch.__version__})
    for line in sys.stdin:
        _say(_follow(json.loads(line), multiply))


def _follow(told: dict[str, float], multiply: Callable[[int], int]) -> dict[str, object]:
    busy_ns, idle_ns, whole_ns = (
        round(told[name] * NS_PER_S) for name in ("busy_s", "idle_s", "duration_s")
    )
    start_ns = time.monotonic_ns()
    busy, product_count, turn_ns = [], 0, start_ns
    while turn_ns < start_ns + whole_ns:
        time.sleep(max(0, turn_ns - time.monotonic_ns()) / NS_PER_S)
        if busy_ns:
            begun_ns = time.monotonic_ns()
            product_count += multiply(turn_ns + busy_ns)
            busy.append([begun_ns, time.monotonic_ns()])
        turn_ns += busy_ns + idle_ns
    time.sleep(max(0, start_ns + whole_ns - time.monotonic_ns()) / NS_PER_S)
    return {"start_ns": start_ns, "end_ns": time.monotonic_ns(), "busy_ns": busy} | {
        "product_count": product_count
    }


def _say(what: dict[str, object]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
