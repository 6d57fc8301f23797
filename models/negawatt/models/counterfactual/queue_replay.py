"""Who would have run: a partition's queue replayed from one moment on.

Here: free GPUs node by node, the queue, and three ways in which schedulers let later jobs past a
job that does not fit. Nothing is drawn. Not here: which policy a site uses (policy.py), what a
job would have needed (schedule.py), and power.
"""

import heapq
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

Allocation = tuple[tuple[int, int], ...]
"""GPUs taken from nodes: pairs of node and count."""

FOREVER: Final = float("inf")


class Order(StrEnum):
    """Which waiting job is next."""

    PRIORITY = "priority"
    AGE = "age"
    SMALL = "small"
    LARGE = "large"


class Backfill(StrEnum):
    """Who may pass a job that does not fit."""

    NOBODY = "nobody"
    EASY = "easy"
    ANYBODY = "anybody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How a scheduler chooses.

    Attributes:
        order: Which waiting job is next.
        backfill: Who may pass a job that does not fit: nobody; whoever will have ended, by its
            owner's estimate, before that job can start (EASY: Lifka, The ANL/IBM SP Scheduling
            System, JSSPP 1995); or anybody who fits.
        patience_s: A job that has waited this long lets nobody past it [s].
    """

    order: Order
    backfill: Backfill
    patience_s: float = FOREVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A job that waits, or will.

    Attributes:
        key: The caller's name for it.
        submit_s: When it joins the queue [s].
        gpu_count: GPUs it needs.
        duration_s: How long it will hold them [s].
        estimate_s: How long its owner said it would [s].
        priority: Higher starts first.
        aged_from_s: Since when its age counts [s], where that is not ``submit_s``: a job that a
            failure sent back keeps its place.
    """

    key: int
    submit_s: float
    gpu_count: int
    duration_s: float
    estimate_s: float
    priority: float
    aged_from_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A job that runs when the replay begins.

    Attributes:
        end_s: When it would end [s].
        estimated_end_s: When it would end by its owner's estimate [s].
        allocation: The GPUs it holds.
    """

    end_s: float
    estimated_end_s: float
    allocation: Allocation


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeChange:
    """A node that goes out of service or comes back."""

    at_s: float
    node: int
    is_up: bool


@dataclass(slots=True, kw_only=True)
class Replayed:
    """A stay that the replay began, and where: ``end_s`` may be after the span."""

    key: int
    start_s: float
    end_s: float
    allocation: Allocation


@dataclass(slots=True)
class _Nodes:
    """Free GPUs of the nodes in service, and what comes back when."""

    size: int
    free: list[int]
    in_service: list[bool]
    held: list[tuple[float, Allocation]] = field(default_factory=list)

    def fit(self, free: Sequence[int], gpu_count: int) -> Allocation | None:
        """Return where a job fits: in the fullest node with room, or in whole nodes."""
        if gpu_count <= self.size:
            room = [(count, node) for node, count in enumerate(free) if count >= gpu_count]
            return ((min(room)[1], gpu_count),) if room else None
        needed = -(-gpu_count // self.size)
        whole = [node for node, count in enumerate(free) if count == self.size]
        if len(whole) < needed:
            return None
        rest = gpu_count - self.size * (needed - 1)
        return (*((node, self.size) for node in whole[: needed - 1]), (whole[needed - 1], rest))

    def take(self, allocation: Allocation) -> None:
        for node, count in allocation:
            self.free[node] -= count

    def give_back(self, allocation: Allocation) -> None:
        for node, count in allocation:
            if self.in_service[node]:
                self.free[node] += count


def replay(
    requests: Sequence[Request],
    holders: Sequence[Holder],
    *,
    node_size: int,
    nodes_up: Sequence[bool],
    changes: Sequence[NodeChange],
    policy: Policy,
    span_s: tuple[float, float],
) -> list[Replayed]:
    """Replay a partition.

    Args:
        requests: Who waits at the beginning or comes later.
        holders: Who runs at the beginning.
        node_size: GPUs of a node.
        nodes_up: Which nodes are in service at the beginning.
        changes: Nodes that fail or return in the span.
        policy: How the scheduler chooses.
        span_s: Beginning and end [s].

    Returns:
        The stays that begin in the span, in that order. A request whose node fails waits again.

    Examples:
        One node of four GPUs is held until second 100; the first in the queue needs all four, the
        second two for a short time. With EASY the second may run while two are free.

        >>> queue = [Request(key=1, submit_s=0, gpu_count=4, duration_s=50, estimate_s=50,
        ...     priority=0), Request(key=2, submit_s=0, gpu_count=2, duration_s=60, estimate_s=90,
        ...     priority=0)]
        >>> holders = [Holder(end_s=100, estimated_end_s=100, allocation=((0, 2),))]
        >>> def starts(backfill):
        ...     stays = replay(queue, holders, node_size=4, nodes_up=[True], changes=[],
        ...         policy=Policy(order=Order.AGE, backfill=backfill), span_s=(0, 200))
        ...     return [(stay.key, stay.start_s) for stay in stays]
        >>> starts(Backfill.EASY), starts(Backfill.NOBODY)
        ([(2, 0), (1, 100)], [(1, 100), (2, 150)])
    """
    run = _Replay(node_size, nodes_up, policy, span_s[0])
    for holder in holders:
        run.hold(holder)
    return run.to(span_s[1], requests, changes)


class _Replay:
    def __init__(
        self, node_size: int, nodes_up: Sequence[bool], policy: Policy, start_s: float
    ) -> None:
        self._nodes = _Nodes(node_size, [node_size if up else 0 for up in nodes_up], list(nodes_up))
        self._policy = policy
        self._now_s = start_s
        self._waiting: list[tuple[tuple[float, ...], Request]] = []
        self._stays: list[Replayed] = []
        self._running: dict[int, tuple[Request, Replayed]] = {}
        self._agenda: list[tuple[float, int, int, object]] = []
        self._estimated: dict[int, tuple[float, Allocation]] = {}
        self._count = 0

    def hold(self, holder: Holder) -> None:
        """Let a job keep its GPUs until its end."""
        self._nodes.take(tuple((n, c) for n, c in holder.allocation if self._nodes.in_service[n]))
        self._end_later(holder.end_s, holder.estimated_end_s, holder.allocation)

    def _end_later(self, end_s: float, estimated_end_s: float, allocation: Allocation) -> None:
        self._count += 1
        self._estimated[self._count] = (estimated_end_s, allocation)
        heapq.heappush(self._agenda, (end_s, 0, self._count, allocation))

    def to(
        self, end_s: float, requests: Sequence[Request], changes: Sequence[NodeChange]
    ) -> list[Replayed]:
        """Let everything happen until the end."""
        for change in changes:
            self._count += 1
            heapq.heappush(self._agenda, (change.at_s, 1, self._count, change))
        for request in requests:
            self._count += 1
            heapq.heappush(
                self._agenda, (max(request.submit_s, self._now_s), 2, self._count, request)
            )
        while self._agenda and self._agenda[0][0] < end_s:
            self._now_s = self._agenda[0][0]
            while self._agenda and self._agenda[0][0] <= self._now_s:
                _, _, number, what = heapq.heappop(self._agenda)
                self._happen(number, what)
            self._start_waiting()
        return self._stays

    def _happen(self, number: int, what: object) -> None:
        if isinstance(what, Request):
            self._wait(what)
        elif isinstance(what, NodeChange):
            self._change(what)
        elif number in self._estimated:
            self._nodes.give_back(self._estimated.pop(number)[1])
            self._running.pop(number, None)

    def _wait(self, request: Request) -> None:
        insort(self._waiting, (self._rank(request), request), key=lambda entry: entry[0])

    def _rank(self, request: Request) -> tuple[float, ...]:
        first = {
            Order.PRIORITY: -request.priority,
            Order.AGE: 0.0,
            Order.SMALL: float(request.gpu_count),
            Order.LARGE: -float(request.gpu_count),
        }[self._policy.order]
        aged_from_s = request.submit_s if request.aged_from_s is None else request.aged_from_s
        return (first, aged_from_s, request.key)

    def _change(self, change: NodeChange) -> None:
        nodes = self._nodes
        if change.is_up == nodes.in_service[change.node]:
            return
        if not change.is_up:
            self._fail(change.node)
        nodes.in_service[change.node] = change.is_up
        held = sum(
            count
            for _, allocation in self._estimated.values()
            for node, count in allocation
            if node == change.node
        )
        nodes.free[change.node] = nodes.size - held if change.is_up else 0

    def _fail(self, node: int) -> None:
        """Send the jobs that the replay started on a node back into the queue."""
        for number, (request, stay) in list(self._running.items()):
            allocation = self._estimated[number][1]
            if any(its_node == node for its_node, _ in allocation):
                del self._running[number], self._estimated[number]
                self._nodes.give_back(allocation)
                stay.end_s = self._now_s
                self._wait(request)

    def _start_waiting(self) -> None:
        """Start whoever may, in order; a job that does not fit lets others past by the policy."""
        shadow: tuple[float, list[int]] | None = None
        remaining = []
        blocked = False
        too_many = too_many_beside = self._first_that_never_fits()
        for key, request in self._waiting:
            allocation = None
            if not blocked and request.gpu_count < too_many:
                allocation = self._nodes.fit(self._nodes.free, request.gpu_count)
                if allocation is None:
                    too_many = request.gpu_count
                elif shadow is not None and self._now_s + request.estimate_s > shadow[0]:
                    allocation = None
                    if request.gpu_count < too_many_beside:
                        allocation = self._beside(request, shadow[1])
                        if allocation is None:
                            too_many_beside = request.gpu_count
            if allocation is not None:
                self._start(request, allocation)
                too_many = min(too_many, self._first_that_never_fits())
                continue
            remaining.append((key, request))
            waited_s = self._now_s - request.submit_s
            if self._policy.backfill is Backfill.NOBODY or waited_s > self._policy.patience_s:
                blocked = True
            elif self._policy.backfill is Backfill.EASY and shadow is None and too_many > 1:
                shadow = self._shadow(request)
        self._waiting = remaining

    def _first_that_never_fits(self) -> int:
        """Return a number of GPUs that surely does not fit now: one more than are free."""
        return sum(self._nodes.free) + 1

    def _start(self, request: Request, allocation: Allocation) -> None:
        end_s = self._now_s + request.duration_s
        stay = Replayed(key=request.key, start_s=self._now_s, end_s=end_s, allocation=allocation)
        self._stays.append(stay)
        self._nodes.take(allocation)
        self._end_later(end_s, self._now_s + request.estimate_s, allocation)
        self._running[self._count] = (request, stay)

    def _shadow(self, request: Request) -> tuple[float, list[int]]:
        """Return when a job could start by the estimates, and what would then be left free."""
        free = list(self._nodes.free)
        for end_s, allocation in sorted(self._estimated.values(), key=lambda held: held[0]):
            for node, count in allocation:
                free[node] += count if self._nodes.in_service[node] else 0
            fit = self._nodes.fit(free, request.gpu_count)
            if fit is not None:
                for node, count in fit:  # over several nodes a job needs each of them whole
                    free[node] = 0 if len(fit) > 1 else free[node] - count
                return max(end_s, self._now_s), free
        return FOREVER, free

    def _beside(self, request: Request, left: list[int]) -> Allocation | None:
        """Return where a job fits without what the job that waits first will need."""
        fit = self._nodes.fit(list(map(min, self._nodes.free, left)), request.gpu_count)
        if fit is None:
            return None
        for node, count in fit:
            left[node] -= count
        return fit
