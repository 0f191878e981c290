"""The sandbox gives back results, and turns every way of dying into Killed while the caller lives."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from low_income.model import ContractError
from low_income.reading import sandbox

pytestmark = pytest.mark.slow

SECRET = "990101198605011234"


def double(number: int) -> int:
    return number * 2


def own_pid() -> int:
    return os.getpid()


def big_answer(size: int) -> bytes:
    return b"x" * size


def hoard(megabytes: int) -> int:
    return len(bytearray(megabytes * 1024 * 1024))


def spin() -> None:
    while True:
        pass


def doze(seconds: float) -> None:
    time.sleep(seconds)


def abort() -> None:
    os.abort()


def die(number: int) -> None:
    os.kill(os.getpid(), number)


def leave() -> None:
    os._exit(3)


def fail() -> None:
    raise ValueError(f"值 {SECRET}")


class Panic(BaseException):
    pass


def panic() -> None:
    raise Panic(SECRET)


def refuse() -> None:
    raise ContractError("kinds/x.yml:columns：写错了")


def environment() -> dict[str, str]:
    return dict(os.environ)


def last_words() -> tuple[str, tuple[int, int], int]:
    """Where standard error goes, the limit of core dumps, and how much of many words is kept."""
    with contextlib.suppress(OSError):
        for _ in range(40):
            os.write(2, SECRET.encode() * 1000)
    return str(Path("/proc/self/fd/2").readlink()), resource.getrlimit(resource.RLIMIT_CORE), os.fstat(2).st_size


def from_inside(_: int) -> int:
    return sandbox.call(double, 4, memory_mb=100, seconds=5)


def kill_reason(function: object, *args: object, memory_mb: int = 200, seconds: int = 5) -> sandbox.Killed:
    with pytest.raises(sandbox.Killed) as caught:
        sandbox.call(function, *args, memory_mb=memory_mb, seconds=seconds)  # type: ignore[arg-type]
    return caught.value


def test_the_result_comes_back_from_another_process() -> None:
    assert sandbox.call(double, 21, memory_mb=100, seconds=5) == 42
    assert sandbox.call(own_pid, memory_mb=100, seconds=5) != os.getpid()


def test_a_result_larger_than_any_buffer_comes_back_whole() -> None:
    assert len(sandbox.call(big_answer, 20_000_000, memory_mb=200, seconds=5)) == 20_000_000


def test_memory_up_to_the_limit_is_given_and_beyond_it_is_not() -> None:
    assert sandbox.call(hoard, 150, memory_mb=200, seconds=5) == 150 * 1024 * 1024
    assert kill_reason(hoard, 250).reason == "memory"


def test_time_is_limited_by_work_and_by_clock() -> None:
    assert kill_reason(spin, seconds=1).reason == "time"
    assert kill_reason(doze, 600, seconds=1).reason == "time"


@pytest.mark.parametrize("function", [abort, leave])
def test_a_dead_child_is_a_crash(function: object) -> None:
    assert kill_reason(function).reason == "crash"


def test_a_segmentation_fault_is_a_crash() -> None:
    killed = kill_reason(die, signal.SIGSEGV)
    assert (killed.reason, killed.detail) == ("crash", "SIGSEGV")


@pytest.mark.parametrize("function", [fail, panic])
def test_an_exception_comes_back_by_name_and_place_without_its_text(function: object) -> None:
    killed = kill_reason(function)
    assert killed.reason == "crash"
    assert "test_sandbox.py:" in killed.detail
    assert SECRET not in repr(killed) + str(killed) + repr(killed.args)


def test_our_own_errors_come_through() -> None:
    with pytest.raises(ContractError, match="写错了"):
        sandbox.call(refuse, memory_mb=100, seconds=5)


def test_the_child_does_not_see_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITOR_TEST_SECRET", SECRET)
    sandbox._Server.forget()
    assert SECRET not in sandbox.call(environment, memory_mb=100, seconds=5).values()


def test_a_killed_server_is_replaced() -> None:
    sandbox.call(double, 1, memory_mb=100, seconds=5)
    os.kill(sandbox._Server.current().process.pid, signal.SIGKILL)
    assert sandbox.call(double, 2, memory_mb=100, seconds=5) == 4


def test_the_server_ends_with_its_owner() -> None:
    context = get_context("fork")
    ours, theirs = context.Pipe()

    def owner() -> None:
        sandbox.call(double, 1, memory_mb=100, seconds=5)
        theirs.send(sandbox._Server.current().process.pid)
        os.kill(os.getpid(), signal.SIGKILL)

    process = context.Process(target=owner)
    process.start()
    theirs.close()  # else the wait for an owner that failed has no end
    server = ours.recv()
    process.join()
    while alive(server):  # pytest's own limit ends a wait that has no end
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_calls_from_threads_do_not_mix() -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: sandbox.call(double, n, memory_mb=100, seconds=5), range(40)))
    assert answers == [n * 2 for n in range(40)]
    assert threading.active_count() < 10


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_it_works_inside_pool_workers(start: str) -> None:
    sandbox.call(double, 1, memory_mb=100, seconds=5)
    with ProcessPoolExecutor(2, mp_context=get_context(start)) as pool:
        assert list(pool.map(from_inside, range(4))) == [8] * 4


def test_it_works_inside_a_daemonic_worker() -> None:
    with get_context("fork").Pool(1) as pool:
        assert pool.apply(from_inside, (0,)) == 8


def test_calls_share_one_server() -> None:
    sandbox.call(double, 1, memory_mb=100, seconds=5)
    server = sandbox._Server.current().process.pid
    for number in range(10):
        assert sandbox.call(double, number, memory_mb=100, seconds=5) == 2 * number
    assert sandbox._Server.current().process.pid == server


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="files in memory are Linux's")
def test_what_a_child_prints_stays_in_memory_and_its_memory_is_never_dumped() -> None:
    before = resource.getrlimit(resource.RLIMIT_CORE)
    sandbox.close()
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))  # as a service may start us
    where, core, size = sandbox.call(last_words, memory_mb=100, seconds=5)
    assert where.startswith("/memfd:") and core == (0, 0) and size == 65536
