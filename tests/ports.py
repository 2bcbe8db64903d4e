"""TCP ports of the loopback address for programs that tests start.

They lie below the range from which outgoing connections get theirs, so that nobody takes one between a kill and a
restart; and each process that runs tests has a share of its own, so that no two sites are given the same one. It begins
anywhere in it: a run that was broken off may have left programs behind at the ports that it was given first.
"""

import random
import socket
from collections.abc import Iterator
from functools import cache
from itertools import cycle
from typing import Final

_FIRST: Final = 20000
_SHARE: Final = 100
_SHARES: Final = 120


def free_port() -> int:
    """One that nobody has now; of this process's share it is the one that was given longest ago."""
    for port in _mine()[1]:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("a cycle has no end")


@cache
def _mine() -> tuple[socket.socket, Iterator[int]]:
    """A share that no other process on this machine has while this one lives: a name only one socket can bind."""
    for share in range(_SHARES):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0renkei-gateway-tests-{share}")
        except OSError:
            claim.close()
            continue
        first, begin = _FIRST + share * _SHARE, random.SystemRandom().randrange(_SHARE)
        return claim, cycle(first + (begin + each) % _SHARE for each in range(_SHARE))
    raise AssertionError(f"{_SHARES} processes run tests on this machine already")
