"""Runs Great Expectations (GX) on rows, and fails closed. No other module calls GX.

GX 1.24 can let bad rows pass: it drops an unknown expectation with a log line, gives an empty row list for one that
raises, and may give fewer rows than it counts. Here each of these raises CheckError.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from low_income.model import CheckError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Expectation:
    """One expectation as GX takes it, with a name for the error when it could not be carried out."""

    name: str
    type: str
    kwargs: dict[str, Any] = field(default_factory=dict)


def load() -> None:
    """Import Great Expectations, which takes seconds, before it is first needed."""
    import great_expectations  # noqa: F401, PLC0415


def failing_rows(frame: pd.DataFrame, expectations: Sequence[Expectation]) -> list[npt.NDArray[np.int64]]:
    """Positions (0-based, ascending) of the rows that fail each expectation, in the order given.

    Raises CheckError when an expectation was not carried out in full, whatever the reason.
    """
    if not expectations or frame.empty:
        return [np.empty(0, dtype=np.int64) for _ in expectations]
    with _one_at_a_time:
        return _ask(frame, expectations)


_one_at_a_time = threading.Lock()
"""A lock: GX keeps its context in a global of the process."""


def _ask(frame: pd.DataFrame, expectations: Sequence[Expectation]) -> list[npt.NDArray[np.int64]]:
    import great_expectations as gx  # noqa: PLC0415 - three seconds of import, only where rows are judged
    from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: PLC0415
    from great_expectations.exceptions.exceptions import GreatExpectationsError  # noqa: PLC0415
    from great_expectations.expectations.registry import list_registered_expectation_implementations  # noqa: PLC0415

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_pandas("rows")
    definition = source.add_dataframe_asset("rows").add_batch_definition_whole_dataframe("rows")
    batch = definition.get_batch({"dataframe": frame.reset_index(drop=True)})
    declared = [
        {"type": each.type, "kwargs": each.kwargs, "meta": {"position": n}} for n, each in enumerate(expectations)
    ]
    known = list_registered_expectation_implementations()
    for asked in expectations:
        if asked.type not in known:
            raise CheckError(f"校验“{asked.name}”的 expect 写法不对：没有 {asked.type} 这种要求，没有执行")
    try:
        suite = gx.ExpectationSuite(name="rows", expectations=declared)
    except (GreatExpectationsError, ValueError, TypeError) as error:
        wrong = "、".join(f"“{each.name}”" for each in expectations if not _is_written_right(each))
        said = f"校验{wrong}的 kwargs 写法不对" if wrong else f"校验规则写法不对（{type(error).__name__}）"
        raise CheckError(f"{said}，没有执行；照 Great Expectations 对这种要求的说明改") from None
    if len(suite.expectations) != len(expectations):
        raise CheckError(f"声明了 {len(expectations)} 条校验，只有 {len(suite.expectations)} 条可以执行")
    result = batch.validate(suite, result_format={"result_format": "COMPLETE", "partial_unexpected_count": 0})
    if len(result.results) != len(expectations):
        raise CheckError(f"声明了 {len(expectations)} 条校验，只得到 {len(result.results)} 个结果")
    found: dict[int, npt.NDArray[np.int64]] = {}
    for each in result.results:
        if each.expectation_config is None:
            raise CheckError("有一条校验的结果对不上它的声明，整个文件暂不接收")
        position = int(each.expectation_config.meta["position"])
        found[position] = _positions(expectations[position], each)
    return [found[position] for position in range(len(expectations))]


def _is_written_right(expectation: Expectation) -> bool:
    """Whether GX takes the arguments of a known expectation."""
    from great_expectations.expectations.registry import get_expectation_impl  # noqa: PLC0415

    try:
        get_expectation_impl(expectation.type)(**expectation.kwargs)
    except (ValueError, TypeError):  # pydantic's errors are ValueErrors
        return False
    return True


def _positions(expectation: Expectation, result: Any) -> npt.NDArray[np.int64]:
    outcome = result.result or {}
    count, rows = outcome.get("unexpected_count"), outcome.get("unexpected_index_list")
    if count is None or (count and rows is None):
        raise CheckError(f"校验“{expectation.name}”没有执行成功，整个文件暂不接收")
    positions = np.unique(np.asarray(rows or [], dtype=np.int64))
    if len(positions) != count:
        raise CheckError(f"校验“{expectation.name}”报告 {count} 行不合格，却只给出 {len(positions)} 行的位置")
    return positions
