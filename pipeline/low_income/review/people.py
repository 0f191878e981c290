"""Who may see what, and how somebody is let in on his own machine: by a link that works once."""

from __future__ import annotations

import hmac
import secrets
import threading
from dataclasses import dataclass

from low_income.model import ConfigError
from low_income.settings.home import Home, Unit


@dataclass(frozen=True)
class Reviewer:
    """Who asks, and for which unit. `unit` is None for somebody who works for the bureau: he sees all divisions."""

    name: str
    unit: Unit | None = None

    @property
    def is_of_bureau(self) -> bool:
        """Whether he sees all divisions and the morning's letter."""
        return self.unit is None

    @property
    def has_lists(self) -> bool:
        """Whether there are warning lists for him: the bureau and the divisions have some, partner bureaus have none."""
        return self.unit is None or self.unit.kind == "division"


def reviewer_of(home: Home, name: str, unit_code: str | None) -> Reviewer:
    """The reviewer called `name` who works for a unit; for the bureau when None. Raises ConfigError for a code of no unit."""
    if unit_code is None:
        return Reviewer(name)
    unit = home.units.get(unit_code)
    if unit is None:
        raise ConfigError(f"没有 {unit_code} 这个单位；单位代码在 monitor.yml 的 units 里")
    return Reviewer(name, None if unit.kind == "bureau" else unit)


class LocalDoor:
    """Lets one browser in: the link in the terminal works once and gives it a session, which ends with the program."""

    def __init__(self, reviewer: Reviewer) -> None:
        self.reviewer = reviewer
        self.ticket = secrets.token_urlsafe(32)
        """What the link contains."""
        self._session = secrets.token_urlsafe(32)
        self._lock = threading.Lock()
        self._is_used = False

    def enter(self, ticket: str) -> str | None:
        """The session for a ticket that was not used before; None otherwise."""
        with self._lock:
            if self._is_used or not hmac.compare_digest(ticket.encode(), self.ticket.encode()):
                return None
            self._is_used = True
            return self._session

    def identify(self, session: str | None) -> Reviewer | None:
        """The reviewer with this session; None for anybody else."""
        if session is None or not hmac.compare_digest(session.encode(), self._session.encode()):
            return None
        return self.reviewer
