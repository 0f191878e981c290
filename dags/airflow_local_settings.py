"""Loads the libraries once, before the scheduler forks its tasks. Otherwise each of fifty tasks loads them again.

Airflow imports a module of this name when it starts; `make airflow` puts this folder on its path. `MONITOR_PRELOAD=0`
turns it off: tasks then start slower, and the scheduler holds 300 MB less. Nothing is opened or read here, so that no
connection, thread or cached configuration is carried into a task.
"""

import importlib
import os
import sys

__all__: list[str] = []  # Airflow copies all names listed here into its own settings

MODULES = (
    "great_expectations",
    "low_income.night.run",
    "low_income.night.deliveries",
    "low_income.night.build_inputs",
    "low_income.night.scope",
    "low_income.checks",
    "low_income.lists",
    "low_income.night.night_report",
    "low_income.reading.layout",
    "low_income.returns",
    "low_income.warehouse",
)

if "scheduler" in sys.argv and os.environ.get("MONITOR_PRELOAD") != "0":
    for name in MODULES:
        importlib.import_module(name)
