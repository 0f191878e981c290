"""The step `build`: builds and examines the release of the night in work/."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from low_income.model import ConfigError, NotWritten, PublishRefused
from low_income.night import work_folder
from low_income.night.check import WAVES, judge_without, sent_tonight
from low_income.records import access, seal
from low_income.settings import contracts
from low_income.settings.home import Home

if TYPE_CHECKING:
    from low_income.night import isolation
    from low_income.warehouse.models import Models


def build(home_dir: Path, day: date) -> dict[str, int]:
    """Build and examine the release of the night in work/; returns published table → number of rows.

    When the build fails on rows of submissions that were judged tonight, these are held and the build is done without them.
    Then earlier submissions of their units stay in force, or the lists count as missing. Raises PublishRefused when a
    rule does not find its canary, and whatever the build raises when no submission explains the failure.
    """
    from low_income import warehouse  # noqa: PLC0415 - brings duckdb
    from low_income.night import build_inputs, isolation  # noqa: PLC0415 - brings duckdb
    from low_income.warehouse import models  # noqa: PLC0415 - brings duckdb

    home, ledger = access.open_home(home_dir)
    broken: dict[str, isolation.Broken] = {}
    built_at = datetime.now(UTC)
    with access.shared(home_dir):
        target = work_folder.built(home, day)
        shutil.rmtree(target, ignore_errors=True)
        sql_models = models.read_sound_models(contracts.load().kinds)
        if silent := silent_rules(home, sql_models):
            raise PublishRefused(
                f"规则 {'、'.join(silent)} 没有找出为它虚构的样例户，可能什么也查不出来；新的一版没有发布，仍用上一版"
            )
        while True:
            try:
                given = build_inputs.gather(home, ledger, day, built_at)
                return warehouse.build(given, sql_models, target, work=home.work, key=seal.closing_key(home))
            except (ConfigError, NotWritten):
                raise
            except warehouse.OF_THE_MACHINE:
                raise
            except Exception:
                found = isolation.of_build(
                    home, sql_models, sent_tonight(home, ledger, day),
                    lambda without: build_inputs.gather(home, ledger, day, built_at, without=without),
                )  # fmt: skip
                if not found:
                    raise
                broken |= found
                judge_without(home_dir, day, broken, found, waves=WAVES)


def silent_rules(home: Home, sql_models: Models) -> list[str]:
    """Codes of the rules that do not find their canary (`examples.silent_rules`).

    They are not asked again when the last release stood on the very same sql/, contracts, policy, program and engines: the
    journal says so, and only a journal that was examined when this night began is believed. A step that runs alone asks.
    """
    from low_income.warehouse import examples  # noqa: PLC0415 - brings duckdb

    version = examples.version(sql_models)
    lines = access.begun.get(home.root) or ()
    last = next((each.about.get("canaries") for each in reversed(lines) if each.what == "published"), None)
    silent = [] if last == version else examples.silent_rules(sql_models)
    if not silent:
        found_sound[home.root] = version
    return silent


found_sound: dict[Path, str] = {}
"""Root of a home → the last `examples.version` with which every rule found its canary; `publish` writes it into the journal."""
