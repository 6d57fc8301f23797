"""One independent stream of random numbers for each purpose, all from the plan's seed.

A draw added to one stream leaves every other stream as it was, and the hall with and the hall
without an event read the same streams.
"""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What a stream is for; the numbers are part of what a seed means, so they never change."""

    JOBS = 1
    TRAFFIC = 2
    SEATS = 3
    WEATHER = 4
    GPU_NOISE = 5
    INSTRUMENTS = 6
    FAULTS = 7
    SHAPES = 8
    RESERVED_JOBS = 9
    OUTAGES = 10
    EXTRA_JOBS = 11
    LOSSES = 12
    SCENARIO = 13
    SECOND_SITE = 14
    COMPLIANCE = 15


def generator(seed: int, stream: Stream) -> np.random.Generator:
    """Return the generator of one stream.

    Examples:
        >>> one, same = generator(7, Stream.JOBS), generator(7, Stream.JOBS)
        >>> bool(one.random() == same.random())
        True
        >>> bool(one.random() == generator(7, Stream.TRAFFIC).random())
        False
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, stream])))
