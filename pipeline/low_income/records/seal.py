"""Seals what people wrote: short texts encrypted with the home's ledger.key (Fernet: AES-128-CBC, HMAC-SHA256).

A key file may hold several keys, one per line: the first one seals, each of them opens. The same is true of release.key,
with which DuckDB encrypts releases where monitor.yml says so. See docs/boundaries.md (7).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection
from contextlib import suppress

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from low_income.model import ConfigError, MonitorError
from low_income.settings.home import Home, atomically, read_key

_NAME = "ledger.key"
RELEASE_KEY = "release.key"


class Unopened(MonitorError):
    """No key of this home opens a sealed text, or the text was changed."""


class Seal:
    """Encrypts and decrypts texts with the keys of one home."""

    def __init__(self, keys: list[str]):
        """Raises ConfigError when one of the keys is unusable, or there is none."""
        try:
            self._keys = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise ConfigError(f"{_NAME}：不是可用的密钥；请从备份恢复") from None

    @staticmethod
    def of(home: Home) -> Seal:
        """The seal of a home; makes its key where there is none yet. Raises ConfigError when the key is unusable or open to others."""
        path = home.keys / _NAME
        try:
            make_key(home)
            keys = read_key(path).decode("ascii").split()
        except (OSError, UnicodeDecodeError) as problem:
            raise ConfigError(f"{path}：读不了密钥") from problem
        try:
            return Seal(keys)
        except ConfigError as problem:
            raise ConfigError(f"{path.parent}/{problem}") from None

    def encrypt(self, text: str) -> str:
        """The sealed form of a text: ASCII, different each time."""
        return self._keys.encrypt(text.encode()).decode()

    def decrypt(self, sealed: str) -> str:
        """The text again. Raises Unopened when no key opens it, or it was changed."""
        try:
            return self._keys.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise Unopened("运行记录库里有一处密封的内容打不开：密钥不对，或被改动过") from None

    def renew(self, sealed: str) -> str:
        """The same text, sealed with the first key."""
        return self._keys.rotate(sealed.encode()).decode()


def add_key(home: Home) -> Seal:
    """Put a fresh key before the others: it seals from now on."""
    Seal.of(home)
    _write(home, [Fernet.generate_key().decode(), *(home.keys / _NAME).read_text(encoding="ascii").split()])
    return Seal.of(home)


def drop_old_keys(home: Home) -> None:
    """Remove all keys but the first. Everything must be renewed before."""
    _write(home, (home.keys / _NAME).read_text(encoding="ascii").split()[:1])


def make_key(home: Home) -> bool:
    """Make the key where there is none yet; whether it was missing. Raises ConfigError when a journal or ledger is there without it."""
    if (home.keys / _NAME).exists():
        return False
    if (home.root / "journal.jsonl").exists() or (home.root / "ledger.db").exists():
        raise ConfigError(f"{home.keys / _NAME}：密钥不见了；请从备份恢复，没有它日志和运行记录库都打不开")
    with suppress(FileExistsError), atomically(home.keys / _NAME, only_new=True) as part:
        part.write_text(Fernet.generate_key().decode() + "\n", encoding="ascii")
    return True


# keys of releases ------------------------------------------------------------------------------------------------


def release_keys(home: Home) -> tuple[str, ...]:
    """The keys that open this home's encrypted releases; () where none was ever encrypted. Raises ConfigError for an unusable key."""
    path = home.keys / RELEASE_KEY
    if not path.exists():
        return ()
    try:
        keys = tuple(read_key(path).decode("ascii").split())
    except UnicodeDecodeError as problem:
        raise ConfigError(f"{path}：读不了密钥") from problem
    if not keys or not all(re.fullmatch(r"[0-9a-f]{64}", key) for key in keys):
        raise ConfigError(f"{path}：不是可用的密钥；请从备份恢复")
    return keys


def closing_key(home: Home) -> str | None:
    """The key that encrypts new releases, made where there is none yet; None when monitor.yml does not ask for encryption.

    Raises ConfigError when the keys are inside the home: a copy of the home would then contain keys and releases.
    """
    if not home.settings.encrypt_releases:
        return None
    if home.keys.resolve().is_relative_to(home.root.resolve()):
        raise ConfigError(
            f"monitor.yml:encrypt_releases：密钥还在数据目录里（{home.keys}），加密不起作用；先把密钥移到别处，再改 keys 这一行"
        )
    if not release_keys(home):
        with suppress(FileExistsError), atomically(home.keys / RELEASE_KEY, only_new=True) as part:
            part.write_text(secrets.token_hex(32) + "\n", encoding="ascii")
    return release_keys(home)[0]


def renew_release_key(home: Home, still_needed: Collection[str]) -> None:
    """Put a fresh key first, and keep those of the others that are `still_needed`. Does nothing where no release was encrypted."""
    if keys := release_keys(home):
        _write(home, [secrets.token_hex(32), *(key for key in keys if key in still_needed)], RELEASE_KEY)


def _write(home: Home, keys: list[str], name: str = _NAME) -> None:
    with atomically(home.keys / name) as part:
        part.write_text("".join(f"{key}\n" for key in keys), encoding="ascii")
