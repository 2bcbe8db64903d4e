"""`python -m bench.verified LOG VKEY`: verifies one log once, and writes what that took as one JSON object."""

import json
import resource
import sys
import time
from pathlib import Path

from gateway.hub.journal import verify
from gateway.tlog.note import Verifier


def main() -> None:
    """The seconds are without the start of this process."""
    path, vkey = sys.argv[1:]
    began = time.perf_counter()
    report = verify(Path(path), verifier=Verifier.parse(vkey))
    seconds = time.perf_counter() - began
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    told = {
        "facts": report.facts,
        "problem": report.problem,
        "seconds": seconds,
        "CPU seconds, all processes": sum(each.ru_utime + each.ru_stime for each in used),
        "largest process at its peak, MB": max(each.ru_maxrss for each in used) / 1024,
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":  # the processes that it starts import this module, too
    main()
