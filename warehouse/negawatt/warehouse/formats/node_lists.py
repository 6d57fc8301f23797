"""Slurm's short form of a list of nodes, written out.

Source: Slurm, scontrol(1), "show hostnames" and "show hostlist". Of the libraries for it,
python-hostlist is under GPL-2.0 and ClusterShell brings a framework for running commands. Not here:
anything else of Slurm (sacct).
"""

import re
from itertools import product

_PART = re.compile(r"[A-Za-z0-9._-]+|\[[0-9,-]+\]")
_WHOLE = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9,-]+\])+(?:,(?:[A-Za-z0-9._-]+|\[[0-9,-]+\])+)*")
_RANGE = re.compile(r"([0-9]+)(?:-([0-9]+))?")
_MOST = 65_536


def expanded(text: str) -> list[str]:
    """Return the names of nodes in their order.

    Raises:
        ValueError: The text is no list of nodes, or one of more than 65,536.

    Examples:
        >>> expanded("gpu[008-010,12],login1")
        ['gpu008', 'gpu009', 'gpu010', 'gpu12', 'login1']
        >>> expanded("r[1-2]n[0-1]")
        ['r1n0', 'r1n1', 'r2n0', 'r2n1']
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"a list of nodes is expected, found {text!r}")
    names: list[str] = []
    for group in re.split(r",(?![^\[]*\])", text):
        choices = [_choices(part) for part in _PART.findall(group)]
        count = 1
        for one in choices:
            count *= len(one)
        if len(names) + count > _MOST:
            raise ValueError(f"at most {_MOST} nodes are expected, found {text!r}")
        names += ["".join(parts) for parts in product(*choices)]
    return names


def _choices(part: str) -> list[str]:
    """Return what a part of a name may be: itself, or each number of its ranges."""
    if not part.startswith("["):
        return [part]
    found: list[str] = []
    for span in part[1:-1].split(","):
        match = _RANGE.fullmatch(span)
        if not match:
            raise ValueError(f"a range of numbers is expected, found {span!r}")
        first, last = match[1], match[2] or match[1]
        if not 0 <= int(last) - int(first) < _MOST:
            raise ValueError(f"a range of at most {_MOST} numbers is expected, found {span!r}")
        found += [f"{n:0{len(first)}}" for n in range(int(first), int(last) + 1)]
    return found
