"""Nights that a scheduler runs take turns: one at work, the earliest of those that wait next, none stuck behind a dead one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from low_income.model import NotNow
from low_income.records import access, turns

from tests import night_kit as kit

FIRST, SECOND, THIRD = (date(2026, 10, day) for day in (28, 29, 30))


def among(*alive: str) -> Callable[[str], bool]:
    return set(alive).__contains__


@pytest.fixture
def as_another_process(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """What this process did of nights is forgotten when it is called."""
    monkeypatch.setattr(turns, "_ours", set())
    return lambda: monkeypatch.setattr(turns, "_ours", set())


def test_the_second_waits_until_the_first_has_given_its_turn_up(tmp_path: Path) -> None:
    assert turns.take(tmp_path, SECOND, "b", among("a", "b")) == ""
    assert "2026-10-29 这一夜正在做" in turns.take(tmp_path, THIRD, "c", among("b", "c"))
    turns.give_up(tmp_path, "b")
    assert turns.take(tmp_path, THIRD, "c", among("b", "c")) == "", "even while the run of the first still ends"


def test_an_earlier_night_waits_for_the_one_at_work_and_goes_before_the_others(tmp_path: Path) -> None:
    turns.take(tmp_path, SECOND, "b", among("b"))
    alive = among("a", "b", "c")
    assert turns.take(tmp_path, THIRD, "c", alive) and turns.take(tmp_path, FIRST, "a", alive)
    turns.give_up(tmp_path, "b")
    assert "2026-10-28 这一夜先做" in turns.take(tmp_path, THIRD, "c", alive)
    assert turns.take(tmp_path, FIRST, "a", alive) == ""


def test_of_one_night_who_came_first_goes_first(tmp_path: Path) -> None:
    turns.take(tmp_path, FIRST, "a", among("a"))
    alive = among("a", "b", "c")
    assert turns.take(tmp_path, SECOND, "b", alive) and turns.take(tmp_path, SECOND, "c", alive)
    turns.give_up(tmp_path, "a")
    assert turns.take(tmp_path, SECOND, "c", alive)
    assert turns.take(tmp_path, SECOND, "b", alive) == ""


@pytest.mark.parametrize("is_at_work", [True, False])
def test_a_run_that_was_stopped_holds_nobody_up(tmp_path: Path, is_at_work: bool) -> None:
    turns.take(tmp_path, THIRD, "x", among("x"))
    turns.take(tmp_path, FIRST, "a", among("a", "x"))
    if not is_at_work:
        turns.give_up(tmp_path, "x")
    assert turns.take(tmp_path, SECOND, "b", among("b")) == ""


def test_taking_twice_is_taking_once(tmp_path: Path) -> None:
    """A task that is tried again asks again."""
    assert turns.take(tmp_path, FIRST, "a", among("a")) == turns.take(tmp_path, FIRST, "a", among("a")) == ""
    turns.give_up(tmp_path, "a")
    assert turns.take(tmp_path, SECOND, "b", among("a", "b")) == ""


def test_a_step_of_a_night_that_lost_its_turn_is_not_done(tmp_path: Path) -> None:
    turns.take(tmp_path, FIRST, "a", among("a"))
    turns.hold(tmp_path, FIRST, "a")
    turns.take(tmp_path, SECOND, "b", among("b"))  # the run a was marked as failed
    with pytest.raises(NotNow, match="2026-10-29 这一夜正在做"):
        turns.hold(tmp_path, FIRST, "a")
    turns.give_up(tmp_path, "b")
    turns.hold(tmp_path, FIRST, "a")  # one task that is run again by itself
    assert turns.take(tmp_path, SECOND, "b", among("a", "b"))


def test_half_a_file_is_nobodys_turn(tmp_path: Path) -> None:
    turns.take(tmp_path, FIRST, "a", among("a"))
    path = tmp_path / ".turn"
    path.write_bytes(path.read_bytes()[:20])
    assert turns.take(tmp_path, SECOND, "b", among("a", "b")) == ""


@pytest.mark.parametrize("hold", [access.alone, access.held])
def test_a_command_does_not_begin_between_two_steps_of_a_night(
    tmp_path: Path, hold: Callable[[Path], object], as_another_process: Callable[[], None]
) -> None:
    home = kit.new_home(tmp_path / "home")
    with hold(home):  # type: ignore[attr-defined]
        pass
    turns.take(home, FIRST, "a", among("a"))
    as_another_process()
    with pytest.raises(NotNow, match="Airflow 正在做 2026-10-28 这一夜，这一次没有开始"), hold(home):  # type: ignore[attr-defined]
        pass
    turns.give_up(home, "a")
    with hold(home):  # type: ignore[attr-defined]
        pass


@pytest.mark.parametrize(("quiet", "is_refused"), [(-600, True), (600, False)])
def test_a_night_that_did_nothing_for_long_has_ended(
    tmp_path: Path, quiet: int, is_refused: bool, as_another_process: Callable[[], None]
) -> None:
    turns.take(tmp_path, FIRST, "a", among("a"))
    as_another_process()
    then = time.time() - turns.STILL_SECONDS - quiet
    os.utime(tmp_path / ".turn", (then, then))
    if is_refused:
        with pytest.raises(NotNow):
            turns.require_free_turn(tmp_path)
    else:
        turns.require_free_turn(tmp_path)
        assert turns.take(tmp_path, SECOND, "b", among("a", "b")) == "", "and it lost its turn"


def test_who_asks_by_command_does_not_keep_a_dead_night_alive(
    tmp_path: Path, as_another_process: Callable[[], None]
) -> None:
    turns.take(tmp_path, FIRST, "a", among("a"))
    as_another_process()
    then = time.time() - timedelta(minutes=10).total_seconds()
    os.utime(tmp_path / ".turn", (then, then))
    with pytest.raises(NotNow):
        turns.require_free_turn(tmp_path)
    assert abs((tmp_path / ".turn").stat().st_mtime - then) < 1


def test_a_step_of_the_night_may_hold_the_home_alone(tmp_path: Path, as_another_process: Callable[[], None]) -> None:
    home = kit.new_home(tmp_path / "home")
    turns.hold(home, FIRST, "a")
    with access.alone(home):
        pass
    as_another_process()
    with pytest.raises(NotNow), access.alone(home):
        pass


def test_a_night_that_waits_stops_no_command(tmp_path: Path) -> None:
    turns.take(tmp_path, FIRST, "a", among("a"))
    turns.take(tmp_path, SECOND, "b", among("a", "b"))
    turns.give_up(tmp_path, "a")
    turns.require_free_turn(tmp_path)
