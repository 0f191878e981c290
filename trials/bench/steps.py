"""CPU seconds of each step of a night, as ratios to the floor, and what became dearer since they were last kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

from low_income.model import MonitorError
from low_income.night import run
from low_income.reading import sandbox
from low_income.records import access

GREW = 1.25
"""A step that costs so many times its kept ratio is named. The machines are noisy: it is said, and nothing fails."""
SMALL = 0.3
"""Ratios below this are not compared: at this size a hundredth of a second more or less decides."""
TITLES = {
    "collect": "收文件",
    "read": "读",
    "check": "查",
    "give_back": "退",
    "build": "建",
    "publish": "发布、通知",
    "quiet": "下一夜，什么都没来",
}


def measure_steps(home_dir: Path, day: date, cpu_seconds: Callable[[], float]) -> dict[str, float]:
    """Run a night, one step after the other; step → CPU seconds of this process and its children.

    `cpu_seconds`: those that this process and its ended children have used. Raises MonitorError as a night does.
    """
    units: list[str] = []

    def collect() -> None:
        for name in run.sources(home_dir, day):
            run.fetch(home_dir, day, name, attempts=1)
        units.extend(run.collect(home_dir, day))

    def of_units(step: Callable[[Path, date, str], object]) -> None:
        with ThreadPoolExecutor(run.READERS) as pool:
            list(pool.map(lambda unit: step(home_dir, day, unit), units))

    def check() -> None:
        for wave in range(run.WAVES):
            with ThreadPoolExecutor(run.CHECKERS) as pool:
                list(pool.map(lambda group: run.check(home_dir, day, group), run.dataset_groups(home_dir, day, wave)))

    def publish() -> None:
        run.publish(home_dir, day)
        run.notify(home_dir, day, failed=[])
        run.send(home_dir, day)

    steps: dict[str, Callable[[], object]] = {
        "collect": collect,
        "read": lambda: of_units(run.read),
        "check": check,
        "give_back": lambda: of_units(run.give_back),
        "build": lambda: run.build(home_dir, day),
        "publish": publish,
    }
    used = {}
    with access.alone(home_dir):
        for name, step in steps.items():
            before = cpu_seconds()
            step()
            sandbox.close()  # only the CPU seconds of children that have ended are counted
            used[name] = cpu_seconds() - before
    return used


def read_kept(path: Path) -> dict[str, float]:
    """Step → ratio to the floor, as `keep` wrote it; empty when nothing was kept. Raises MonitorError when it cannot be read."""
    if not path.exists():
        return {}
    try:
        return {str(step): float(ratio) for step, ratio in json.loads(path.read_text(encoding="utf-8")).items()}
    except (ValueError, AttributeError, TypeError) as problem:
        raise MonitorError(f"{path}：读不出上一次的测量，请删掉它或写对") from problem


def keep(path: Path, ratios: Mapping[str, float]) -> None:
    """Write step → ratio to the floor, two decimals."""
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {step: round(ratio, 2) for step, ratio in ratios.items()}
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def grown(ratios: Mapping[str, float], kept: Mapping[str, float]) -> list[str]:
    """Steps whose ratio to the floor is more than GREW times the kept one, in their order."""
    return [
        step
        for step, ratio in ratios.items()
        if step in kept and ratio >= SMALL and ratio > GREW * max(kept[step], SMALL)
    ]


def as_text(ratios: Mapping[str, float], kept: Mapping[str, float]) -> str:
    """The ratios as a table for the terminal, and a sentence for each step that became dearer."""
    lines = [
        "各步的 CPU 是“只装进 DuckDB”（地板）的几倍：",
        "",
        "| 步骤 | 这一次 | 上一次留下的 |",
        "|---|---:|---:|",
    ]
    for step, ratio in ratios.items():
        before = f"{kept[step]:.2f}" if step in kept else "没有"
        lines.append(f"| {TITLES[step]} | {ratio:.2f} | {before} |")
    dearer = grown(ratios, kept)
    lines.append("")
    lines += [
        f"注意：“{TITLES[step]}”的 CPU 是上一次的 {ratios[step] / kept[step]:.2f} 倍（{kept[step]:.2f} → {ratios[step]:.2f}）。"
        for step in dearer
    ]
    if kept and not dearer:
        lines.append(f"没有哪一步的 CPU 比上一次多出 {round((GREW - 1) * 100)}%。")
    return "\n".join(lines) + "\n"
