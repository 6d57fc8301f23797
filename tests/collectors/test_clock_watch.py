"""Steps, sleeps and NTP: the clocks are plain numbers here, the kernel is asked once for real."""

from negawatt.collectors.clock_watch import ClockState, ClockWatch, kernel_clock_state
from negawatt.models.domain.findings import FindingCode
from negawatt.models.domain.units import NS_PER_MS, NS_PER_S

_IN_TIME = ClockState(is_synchronized=True, offset_s=0.0, most_error_s=0.01, leap_is_near=False)
_ON_ITS_OWN = ClockState(is_synchronized=False, offset_s=0.0, most_error_s=16.0, leap_is_near=False)


class _Machine:
    """Three clocks and what the kernel says."""

    def __init__(self) -> None:
        self.wall_ns, self.monotonic_ns, self.boot_ns = 10**18, 0, 5
        self.kernel: ClockState | None = _IN_TIME
        self.watch = ClockWatch(
            lambda: self.wall_ns,
            lambda: self.monotonic_ns,
            lambda: self.boot_ns,
            lambda: self.kernel,
        )

    def pass_s(self, duration_s: float, *, slept_s: float = 0.0, set_by_s: float = 0.0) -> None:
        self.monotonic_ns += round(duration_s * NS_PER_S)
        self.boot_ns += round((duration_s + slept_s) * NS_PER_S)
        self.wall_ns += round((duration_s + slept_s + set_by_s) * NS_PER_S)

    def found(self) -> list[tuple[FindingCode, object]]:
        return [(f.code, f.evidence.get("by_s")) for f in self.watch.look()]


def test_time_that_passes_is_no_finding() -> None:
    machine = _Machine()
    for _ in range(5):
        machine.pass_s(1.0)
        assert machine.found() == []


def test_an_hour_forward_and_an_hour_back_are_found_once_each() -> None:
    machine = _Machine()

    machine.pass_s(1.0, set_by_s=3600.0)
    forward, nothing = machine.found(), machine.found()
    machine.pass_s(1.0, set_by_s=-3600.0)

    assert forward == [(FindingCode.CLOCK_STEPPED, 3600.0)]
    assert nothing == []
    assert machine.found() == [(FindingCode.CLOCK_STEPPED, -3600.0)]
    assert machine.watch.step_count == 2


def test_a_sleep_is_no_step() -> None:
    machine = _Machine()

    machine.pass_s(1.0, slept_s=300.0)

    assert machine.found() == [(FindingCode.CLOCK_STEPPED, 300.0)]
    assert (machine.watch.sleep_count, machine.watch.step_count) == (1, 0)


def test_a_smeared_leap_second_is_no_step() -> None:
    """A day's smear moves the clock by 11.6 us in a second; NTP slews by at most 0.5 ms."""
    machine = _Machine()
    for _ in range(100):
        machine.pass_s(1.0)
        machine.wall_ns += NS_PER_MS // 2
        assert machine.found() == []


def test_a_clock_that_nothing_keeps_is_found_once_and_again_after_it_was_kept() -> None:
    machine = _Machine()
    found = []
    for kernel in (_ON_ITS_OWN, _ON_ITS_OWN, _IN_TIME, _ON_ITS_OWN, None):
        machine.kernel = kernel
        found.append([code for code, _ in machine.found()])

    once = [FindingCode.CLOCK_NOT_SYNCHRONIZED]
    assert found == [once, [], [], once, []]


def test_the_kernel_says_something_that_can_be_true_or_nothing() -> None:
    state = kernel_clock_state()

    assert state is None or (abs(state.offset_s) < 1.0 and 0 <= state.most_error_s < 100.0)
