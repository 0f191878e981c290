"""Finds which division and township a free text (a township cell, an address) names.

One name may be part of another (望山区 in 小望山区). Several divisions may have the same township name. Short names are
also names of streets (团结 in 团结路). So the longest name wins, and a name must begin where a name can begin. A short
name counts only alone in its cell or directly after its division. An ambiguous text gives several candidates; the
caller must not choose one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence

from low_income.folding import visible

Place = tuple[str, str]
"""(division code, township name); the name is '' when the text names only the division."""

_HAN = re.compile(r"[\u3400-\u9fff]")
_FULL = re.compile(r"(?:区|县|市|旗|镇|乡|街道|局|场|团)$")
"""Ending of a full name, which says what it is; 青禾 or 团结 are short names."""
_STREET = re.compile(
    r"(?:[东西南北中]?[一二三四]?(?:路|街|巷|道|大道|胡同)|[东西南北]?里|新?村|小区|社区|桥|苑|园|组|连)"
)
"""What follows a short name that is part of a street's or estate's name, not a township: 团结路, 向阳新村."""
_BEFORE_TOWNSHIP = "省市州盟住在于址属"
_BEFORE_DIVISION = _BEFORE_TOWNSHIP + "区县旗"
"""Characters after which a name may begin. Not 小 as in 小望山区; and for a township not 区, which ends another place's name."""


def fold_place(text: str) -> str:
    """The comparison form of a place name: NFKC, without blanks."""
    return visible(unicodedata.normalize("NFKC", text))


class Gazetteer:
    """Finds the divisions and townships of one bureau in texts.

    `divisions`: code → its name, then its aliases. `townships`: code → township name → names and aliases.
    """

    def __init__(self, divisions: Mapping[str, Sequence[str]], townships: Mapping[str, Mapping[str, Iterable[str]]]):
        self.names = {code: next(iter(words), code) for code, words in divisions.items()}
        """Code of a division → its name."""
        self._division_of = {fold_place(word): code for code, words in divisions.items() for word in words}
        self._townships_of: dict[str, set[Place]] = {}
        for code, names in townships.items():
            for name, words in names.items():
                for word in words:
                    self._townships_of.setdefault(fold_place(word), set()).add((code, name))
        words_long_first = sorted({*self._division_of, *self._townships_of}, key=lambda word: (-len(word), word))
        self._word = re.compile("|".join(map(re.escape, words_long_first)) or r"(?!)")

    def places(self, texts: Iterable[str], division: str | None = None) -> dict[str, list[Place]]:
        """Each distinct text → its candidates, sorted; an empty list when it names no place of ours.

        When some candidates are in the sending `division`, only these are given.
        """
        found = {}
        for text in dict.fromkeys(texts):
            candidates = self._candidates(fold_place(text))
            own = [place for place in candidates if place[0] == division]
            found[text] = own or candidates
        return found

    def _candidates(self, text: str) -> list[Place]:
        if text in self._division_of:
            return [(self._division_of[text], "")]
        if text in self._townships_of:
            return sorted(self._townships_of[text])
        divisions: set[str] = set()
        behind_division: set[Place] = set()
        alone: set[Place] = set()
        for word, is_behind_division in self._names(text):
            if word in self._division_of:
                divisions.add(self._division_of[word])
                continue
            targets = self._townships_of[word]
            if self._names_its_division(word):
                divisions |= {code for code, _ in targets}
                behind_division |= targets
            else:
                (behind_division if is_behind_division else alone).update(targets)
        townships = behind_division or alone
        if not divisions:
            return sorted(townships)
        named = {code: [place for place in townships if place[0] == code] for code in divisions}
        return sorted(place for code, own in named.items() for place in own or [(code, "")])

    def _names(self, text: str) -> Iterator[tuple[str, bool]]:
        """(name, is it directly after the name of a division), from left to right; the longest name wins."""
        position, end_of_last, last_is_division = 0, -1, False
        while match := self._word.search(text, position):
            word, start, end = match[0], match.start(), match.end()
            is_behind = start == end_of_last and last_is_division
            if self._may_stand(text, word, start, end, is_behind=is_behind):
                yield word, is_behind
                position = end_of_last = end
                last_is_division = word in self._division_of
            else:
                position = start + 1

    def _may_stand(self, text: str, word: str, start: int, end: int, *, is_behind: bool) -> bool:
        is_division = word in self._division_of
        if not is_behind and start > 0:
            before = text[start - 1]
            if _HAN.match(before) and before not in (_BEFORE_DIVISION if is_division else _BEFORE_TOWNSHIP):
                return False
        if _FULL.search(word):
            return True
        if is_division:
            return end == len(text) or not _HAN.match(text[end]) or self._word.match(text, end) is not None
        return is_behind and not _STREET.match(text, end)

    def _names_its_division(self, word: str) -> bool:
        """Whether a township name contains its division's name, like 青禾区北营镇 and 青禾北营镇."""
        return any(word.startswith(division) and word != division for division in self._division_of)
