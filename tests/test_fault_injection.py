"""A seeded sample of the disturbed nights (the whole figure: docs/reliability.md), and that the harness would notice."""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from low_income import cli, warehouse
from low_income.model import ConfigError, MonitorError
from low_income.night import inbox, run
from low_income.records import access, archive
from low_income.settings.home import PART, Home, sweep

from trials import fault_injection as faults
from trials.fault_injection import readers
from trials.fault_injection.stage import Stage

"""Several nights each, on a machine that may be busy."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two undisturbed nights of the small bureau."""
    with pytest.MonkeyPatch.context() as patch:
        # What the stage thinks ahead of time must not be what other tests are told.
        patch.setattr(faults.stage.models, "read_models", faults.stage.models.read_models)
        patch.setattr(faults.stage.checks, "failing_rows", faults.stage.validation.failing_rows)
        yield Stage(tmp_path_factory.mktemp("stage"), 2)


@pytest.mark.slow
@pytest.mark.harness
def test_disturbed_nights_end_as_if_nothing_had_happened(stage: Stage) -> None:
    told = faults.search(4, seed=3, kinds=("point", "moment", "swap", "two"), stage=stage)
    assert told["findings"] == []
    assert told["trials"] == 4 and len(told["kinds"]) >= 3 and not told["skipped"]
    assert told["reads"] > 0 and told["struck"] >= 3


@pytest.mark.slow
@pytest.mark.harness
def test_work_that_is_not_taken_up_again_would_be_noticed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    points = [point for point in stage.recorded(1).points if " step " in f" {point[0]}"]
    steps = sorted({what for what, _ in points})

    def chosen(seed: int) -> tuple[str, int]:
        rng = random.Random(seed)
        what = rng.choice(steps)
        return rng.choice([point for point in points if point[0] == what])

    seed = next(seed for seed in count() if chosen(seed) == ("after step check", 1))
    monkeypatch.setattr(faults, "plan", lambda *_: [faults.Trial(0, "step", 1, seed)])
    monkeypatch.setattr("low_income.night.collect.take_up_unfinished", lambda *_: set())
    (finding,) = faults.search(1, kinds=("step",), stage=stage)["findings"]
    assert finding["what"].startswith("after step check") and finding["again"].startswith("monitor faults ")
    assert any("returns: d01/边缘" in each for each in finding["problems"])


@pytest.mark.slow
@pytest.mark.harness
@pytest.mark.parametrize("kind", ["lost", "key", "folder"])
def test_what_is_not_whole_is_refused_and_what_lies_outside_is_left_alone(stage: Stage, kind: str) -> None:
    told = faults.search(1, seed=5, kinds=(kind,), stage=stage)
    assert told["findings"] == [] and told["kinds"] == {kind: 1} and told["struck"] == 1


@pytest.mark.slow
@pytest.mark.harness
@pytest.mark.parametrize("kind", ["lost", "key"])
def test_a_night_on_what_is_not_whole_would_be_noticed(
    stage: Stage, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in ("collect", "fetch"):
        monkeypatch.setattr(f"low_income.night.{step}.begin", lambda *_: None)
    (finding,) = faults.search(1, seed=5, kinds=(kind,), stage=stage)["findings"]
    assert any("not refused" in each for each in finding["problems"])


@pytest.mark.slow
@pytest.mark.harness
def test_a_folder_that_is_followed_would_be_noticed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox.os, "O_NOFOLLOW", 0)
    (finding,) = faults.search(1, seed=3, kinds=("folder",), stage=stage)["findings"]
    assert "before a file is taken" in finding["what"]
    assert any("outside the inbox" in each for each in finding["problems"])


def test_equal_seeds_plan_equal_trials_of_every_kind() -> None:
    planned = faults.plan(200, 5)
    assert planned == faults.plan(200, 5) != faults.plan(200, 6)
    kinds = Counter(each.kind for each in planned)
    assert (
        set(kinds) == set(faults.KINDS) and min(kinds.values()) >= 3 and {each.night for each in planned} == {0, 1, 2}
    )
    with pytest.raises(ConfigError, match="没有第 9 次试验"):
        faults.search(3, only=9)


@pytest.mark.slow
@pytest.mark.harness
def test_readers_see_one_release_at_a_time_while_they_are_swapped_and_pruned(stage: Stage) -> None:
    told = readers.search(12, stage=stage, pause=0.05)
    assert told["findings"] == []
    assert told["kept"] == readers.KEPT and told["reads"] >= 60 and told["releases_seen"] >= 3


@pytest.mark.slow
@pytest.mark.harness
def test_a_swap_in_two_moves_would_be_noticed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def swap(link: Path, target: Path) -> None:
        link.unlink(missing_ok=True)
        readers.time.sleep(0.1)
        link.symlink_to(target)

    monkeypatch.setattr(warehouse, "_swap", swap)
    assert readers.search(4, stage=stage, pause=0.05)["findings"]


# what the trials found -----------------------------------------------------------------------------------------------


@pytest.fixture
def dropped(home: Home) -> inbox.Dropped:
    (home.inbox / "d01" / "名单.csv").write_text("姓名", encoding="utf-8")
    return inbox.Dropped("d01", home.inbox, ("d01", "名单.csv"), "名单.csv")


@pytest.fixture
def lying(dropped: inbox.Dropped) -> Path:
    """Where the dropped file lies."""
    return dropped.inbox.joinpath(*dropped.way)


def test_what_was_put_in_a_files_place_while_it_was_taken_stays(
    home: Home, dropped: inbox.Dropped, lying: Path
) -> None:
    _, _, seen = inbox.take_in(home, dropped)
    fresh = home.inbox / "d01" / "新.csv"
    fresh.write_text("姓名,证件", encoding="utf-8")
    fresh.replace(lying)
    assert inbox.take_out(dropped, seen) is False
    assert lying.read_text(encoding="utf-8") == "姓名,证件"
    _, _, seen = inbox.take_in(home, dropped)
    assert inbox.take_out(dropped, seen) is True
    assert list((home.inbox / "d01").iterdir()) == []


def test_what_was_moved_aside_by_a_run_that_died_comes_back(home: Home, lying: Path) -> None:
    lying.rename(lying.with_name(".taken-名单.csv"))
    inbox.put_back(home.inbox)
    assert [path.name for path in (home.inbox / "d01").iterdir()] == ["名单.csv"]


def test_a_file_that_changes_or_goes_while_it_is_copied_waits(
    home: Home, dropped: inbox.Dropped, lying: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = archive.pyrage.encrypt_io

    def grow(*arguments: Any) -> Any:
        with lying.open("a", encoding="utf-8") as file:
            file.write("more")
        return honest(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(archive.pyrage, "encrypt_io", grow)
        with pytest.raises(archive.StillMoving):
            inbox.take_in(home, dropped)
    assert archive.kept(home) == [] and lying.exists()
    lying.unlink()
    with pytest.raises(archive.StillMoving, match="不见了"):
        inbox.take_in(home, dropped)


def test_what_is_half_made_goes_and_peoples_files_stay(home: Home) -> None:
    half = [home.root / f"{PART}fetch-x", home.returns / "d01" / f"{PART}y", home.releases / f"{PART}3"]
    for folder in half:
        folder.mkdir(parents=True)
        (folder / "inner").write_text("half")
    theirs = home.inbox / "d01" / f"{PART}of-theirs"
    theirs.write_text("theirs")
    assert len(sweep(home)) == len(half)
    assert not any(path.exists() for path in half) and theirs.exists()


def test_a_full_disk_is_said_in_a_sentence(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device", "/x/lists")

    monkeypatch.setattr(run, "night", full)
    monkeypatch.setattr(sys, "argv", ["monitor", "--home", str(home.root), "run", "--really", "--date", "2026-10-31"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().err
    assert ended.value.code == 1 and "磁盘满了（/x/lists）" in said and "Traceback" not in said


def test_who_holds_the_home_is_who_holds_it_now(home: Home) -> None:
    """A step holds it beside others; it may not be told that somebody long dead does."""
    (home.root / ".lock").write_text("elsewhere 进程 4711")
    with access.shared(home.root), pytest.raises(MonitorError) as refused, access.alone(home.root):
        raise AssertionError
    assert f"进程 {os.getpid()}" in str(refused.value) and "4711" not in str(refused.value)
