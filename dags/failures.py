"""How a task fails: whether it is tried again, and its Chinese sentence as the last line of the log. For the files beside this one."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException

from pipeline.model import is_final, tell_failure


@contextmanager
def plain_failures() -> Iterator[None]:
    """Failures within go on without a value that may be somebody's: Airflow keeps every log.

    `tell_failure` says what may stand in one, and the frames are told beside it. What somebody has to mend first (a setting, a
    key, a disk that others may read) fails at once; only what may pass is tried again.
    """
    try:
        yield
        return
    except (AirflowFailException, AirflowRescheduleException):
        raise
    except Exception as problem:  # noqa: BLE001 - whatever it is, Airflow would write its words down
        kind = AirflowFailException if is_final(problem) else RuntimeError
        failure = kind(tell_failure(problem)).with_traceback(problem.__traceback__)
    raise failure from None


def say_last(context: Any) -> None:
    """Say why the task failed once more: Airflow lists dozens of frames behind the sentence.

    The group of lines that Airflow opens behind them, which the page shows closed, ends first.
    """
    problem = context.get("exception")
    if not isinstance(problem, BaseException):  # a task that was killed has none
        return
    said = str(problem)
    log = logging.getLogger("airflow.task")
    log.info("::endgroup::")
    log.error(said if re.search("[一-鿿]", said) else tell_failure(problem))


TELLING: dict[str, Any] = {"on_failure_callback": say_last, "on_retry_callback": say_last}
"""For `default_args`."""
