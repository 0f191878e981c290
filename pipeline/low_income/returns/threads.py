"""Conversations on cells (threaded comments): adds our note as a reply.

A new Excel shows a cell's conversation and not its note. Source: MS-XLSX 2.1.14, 2.6.204 to 2.6.207 (threaded comments,
persons).
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final

from lxml import etree

from low_income.model import column_letter
from low_income.reading.spelling import serialise
from low_income.returns.marks import Gone
from low_income.returns.notes import AUTHOR, ILLEGAL, Cell, cell_of
from low_income.returns.package import parse

THREADS: Final = "http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments"
RELATIONSHIP: Final = "http://schemas.microsoft.com/office/2017/10/relationships"
PERSONS_TYPE: Final = "application/vnd.ms-excel.person+xml"
_OURS = uuid.UUID("5d0c1c1e-9a53-5d1b-8f0e-6f2a7f0e6b11")
PERSON: Final = f"{{{str(_OURS).upper()}}}"
"""Id of our own person, the same in every workbook: by it our replies are found again."""
_COMMENT = f"{{{THREADS}}}threadedComment"


class Threads:
    """The conversations of one sheet."""

    def __init__(self, data: bytes) -> None:
        """Read the part, and remove our replies of an earlier return. Raises CannotPatch."""
        self.root = parse(data)
        self.is_changed = False
        for one in self.root.findall(_COMMENT):
            if one.get("personId", "").upper() == PERSON:
                self._remove(one)

    def drop(self, gone: Gone) -> None:
        """Remove the conversations on cells that are emptied. Raises CannotPatch."""
        for one in self.root.findall(_COMMENT):
            row, column = cell_of(one.get("ref", ""))
            if column in gone.in_row(row):
                self._remove(one)

    def reply(self, notes: dict[Cell, str]) -> bool:
        """Add each note to the conversation on its cell, where there is one; whether any was added. Same notes, same bytes."""
        threads: dict[str, list[etree._Element]] = {}
        for one in self.root.findall(_COMMENT):
            threads.setdefault(one.get("ref", ""), []).append(one)
        found = False
        for (row, column), text in sorted(notes.items()):
            name = f"{column_letter(column)}{row}"
            if thread := threads.get(name):
                found = self.is_changed = True
                first = next((one for one in thread if one.get("parentId") is None), thread[0])
                reply = etree.Element(_COMMENT, ref=name)
                if said_at := max((one.get("dT", "") for one in thread), default=""):
                    reply.set("dT", _a_second_after(said_at))
                reply.set("personId", PERSON)
                reply.set("id", f"{{{str(uuid.uuid5(_OURS, name + first.get('id', ''))).upper()}}}")
                reply.set("parentId", first.get("id", ""))
                etree.SubElement(reply, f"{{{THREADS}}}text").text = ILLEGAL.sub("", text)
                thread[-1].addnext(reply)
        return found

    def bytes(self) -> bytes:
        """The part's XML."""
        return serialise(self.root)

    def _remove(self, one: etree._Element) -> None:
        self.root.remove(one)
        self.is_changed = True


def with_our_person(data: bytes | None) -> bytes:
    """The persons part of a workbook with our person in it; `data` None: the workbook has none yet. Raises CannotPatch."""
    root = parse(data) if data else etree.Element(f"{{{THREADS}}}personList", None, {None: THREADS})
    if all(one.get("id", "").upper() != PERSON for one in root):
        etree.SubElement(
            root, f"{{{THREADS}}}person", displayName=AUTHOR, id=PERSON, userId=AUTHOR, providerId="None"
        )  # fmt: skip
    return serialise(root)


def replied(data: bytes) -> tuple[set[str], set[str]]:
    """(names of the cells with a conversation, those of them with our reply)."""
    entries = parse(data).findall(_COMMENT)
    ours = {one.get("ref", "") for one in entries if one.get("personId", "").upper() == PERSON}
    return {one.get("ref", "") for one in entries}, ours


def _a_second_after(moment: str) -> str:
    """One second later, so that our reply comes last; a moment of another shape stays as it is."""
    try:
        return (datetime.fromisoformat(moment.removesuffix("Z")) + timedelta(seconds=1)).isoformat()
    except ValueError:
        return moment
