"""Which table is made from which: the tables of a whole build, their readers, and the drawings of the pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from low_income.warehouse.models import Models

from docs_site import drawing, words

_MOST_BOXES = 40
"""A drawing down to the lists has at most so many boxes; a larger one cannot be read, and its page has the list alone."""


@dataclass(frozen=True)
class Lineage:
    """All tables of a build: what each reads, who reads it, and its layer (the longest way from a given table)."""

    reads: Mapping[str, tuple[str, ...]]
    readers: Mapping[str, tuple[str, ...]]
    layers: Mapping[str, int]

    def room(self, room: str) -> list[str]:
        """The tables of a room, by layer and name."""
        found = [name for name in self.reads if name.startswith(f"{room}.")]
        return sorted(found, key=lambda name: (self.layers[name], name))

    def arrows(self) -> dict[tuple[str, str], int]:
        """(room that reads, room that is read) → how many tables of the one are read by tables of the other, counted as arrows."""
        pairs = Counter((_room(name), _room(read)) for name, reads in self.reads.items() for read in reads)
        return {(reader, read): pairs[reader, read] for reader in words.ROOMS for read in words.ROOMS}

    def around(self, name: str) -> drawing.Drawing:
        """What a table reads, the table, and who reads it."""
        reads, readers = _by_room(self.reads[name]), self.readers[name]
        layers = dict.fromkeys(reads, 0) | {name: 1} | dict.fromkeys(readers, 2)
        arrows = [(name, read) for read in reads] + [(reader, name) for reader in readers]
        return drawing.draw(layers, arrows, {each: each for each in layers})

    def down(self, name: str) -> drawing.Drawing | None:
        """All models and lists that a table is made from, without what the night gives; None when they are too many."""
        above = [name]
        for each in above:
            above += [read for read in self.reads[each] if read not in above and _room(read) != "input"]
        if len(above) > _MOST_BOXES or len(above) == 1:
            return None
        used = sorted({self.layers[each] for each in above})
        layers = {each: used.index(self.layers[each]) for each in _by_room(above)}
        arrows = [(each, read) for each in above for read in self.reads[each] if read in layers]
        return drawing.draw(layers, arrows, {each: each for each in above})


def of(models: Models) -> Lineage:
    """The lineage of all that a whole build makes."""
    order = models.order(models.everything())
    reads = {name: models.reads(name) for name in order}
    readers: dict[str, list[str]] = {name: [] for name in order}
    layers: dict[str, int] = {}
    for name in order:
        layers[name] = max((layers[read] + 1 for read in reads[name]), default=0)
        for read in reads[name]:
            readers[read].append(name)
    return Lineage(reads, {name: tuple(_by_room(found)) for name, found in readers.items()}, layers)


def _by_room(names: Iterable[str]) -> list[str]:
    rooms = list(words.ROOMS)
    return sorted(names, key=lambda name: (rooms.index(_room(name)), name))


def _room(name: str) -> str:
    return name.partition(".")[0]
