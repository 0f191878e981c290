"""One measured thing in a process of its own: `python -m trials.bench floor|night|steps|quiet FOLDER FILE`."""

import json
import sys
from pathlib import Path

from low_income.night import run
from low_income.reading import sandbox

from trials.bench import NEXT_NIGHT, NIGHT, floor, steps, usage

what, where, file = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
used: dict[str, float] = {}
if what == "floor":
    floor(where, file)
elif what == "steps":
    used = steps.measure_steps(where, NIGHT, lambda: usage()["cpu_s"])
else:
    run.night(where, NEXT_NIGHT if what == "quiet" else NIGHT)
    sandbox.close()
print(json.dumps(usage() | used))  # noqa: T201 - read by the process that measures
