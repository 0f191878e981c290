"""Handles failures of tasks: whether to try again, and the Chinese sentence as the last line of the log. For the DAGs beside it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException
from low_income.model import is_final, tell_failure


@contextmanager
def plain_failures() -> Iterator[None]:
    """Raise failures of the block again without personal data, since Airflow keeps every log.

    `tell_failure` gives the text that may stand in a log; the stack frames are kept. A failure that a person must mend first (a
    setting, a key, a disk that others may read) is final at once. Only a failure that may pass is tried again.
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
    """Write once more why the task failed, since Airflow prints dozens of stack frames after the sentence.

    First it ends the group of lines that Airflow has opened, which the page shows collapsed.
    """
    problem = context.get("exception")
    if not isinstance(problem, BaseException):  # a killed task has no exception
        return
    said = str(problem)
    log = logging.getLogger("airflow.task")
    log.info("::endgroup::")
    log.error(said if re.search("[一-鿿]", said) else tell_failure(problem))


TELLING: dict[str, Any] = {"on_failure_callback": say_last, "on_retry_callback": say_last}
"""Callbacks for `default_args`."""
