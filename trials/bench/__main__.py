"""One measured thing in a process of its own: `python -m trials.bench floor|night|quiet FOLDER FILE`."""

import json
import sys
from pathlib import Path

from low_income.night import run
from low_income.reading import sandbox

from trials.bench import NIGHT, floor, usage

what, where, file = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
if what == "floor":
    floor(where, file)
else:
    run.night(where, NIGHT)
    sandbox.close()
print(json.dumps(usage()))  # noqa: T201 - read by the process that measures
