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

if TYPE_CHECKING:
    from low_income.night import isolation


def build(home_dir: Path, day: date) -> dict[str, int]:
    """Build and examine the release of the night in work/; returns published table → number of rows.

    When the build fails on rows of submissions that were judged tonight, these are held and the build is done without them.
    Then earlier submissions of their units stay in force, or the lists count as missing. Raises PublishRefused when a
    rule does not find its canary, and whatever the build raises when no submission explains the failure.
    """
    from low_income import warehouse  # noqa: PLC0415 - brings duckdb
    from low_income.night import build_inputs, isolation  # noqa: PLC0415 - brings duckdb
    from low_income.warehouse import examples, models  # noqa: PLC0415 - brings duckdb

    home, ledger = access.open_home(home_dir)
    broken: dict[str, isolation.Broken] = {}
    built_at = datetime.now(UTC)
    with access.shared(home_dir):
        target = work_folder.built(home, day)
        shutil.rmtree(target, ignore_errors=True)
        sql_models = models.read_sound_models(contracts.load().kinds)
        if silent := examples.silent_rules(sql_models):
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
