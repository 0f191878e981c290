"""Rewrites a zipped workbook: any spelling that the standard allows → the same workbook as Excel spells it.

Report tools put the workbook into another folder, or write backslashes in names. They use prefixes, single quotes, the
strict namespaces or UTF-16, or omit the positions of rows and cells. All of that is legal and means the same. Here a real
parser reads it, and one spelling is written: the code that reads or marks workbooks handles only this one. An error value
that is not in the standard becomes `#VALUE!`. No entity is resolved and nothing is fetched. Source: ECMA-376 parts 1, 2
and 4.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Final
from xml.parsers import expat
from xml.sax.saxutils import escape

from lxml import etree

from low_income.model import column_letter

MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
WORKBOOK: Final = "xl/workbook.xml"
_SHEETS = "xl/worksheets/"
_HOME = {"sharedStrings": "xl/sharedStrings.xml", "styles": "xl/styles.xml"}
"""Last word of a relationship's type → the part name that every reader finds."""
_TYPES = "[Content_Types].xml"
_MAIN_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml."
_STRICT = "http://purl.oclc.org/ooxml/"
_HYPHENATED = {"extendedProperties": "extended-properties", "customProperties": "custom-properties"}
_CHUNK = 1 << 20
_ODD = re.compile(rb'<(?:c(?! r="[A-Z]*+[^a-z])[\s/>]|row(?! r=")[\s/>]|(?:v|is)\s)')
"""Unusual spelling: a row or cell whose first attribute is not its position, a position in lower case, a value with attributes."""
_ODD_WORDS: dict[bytes, tuple[bytes, ...]] = {
    b"!": (b"<!",),
    b"": (b' ="', b'= "', b"<v> ", b" </v>"),
    b"'": (b"='",),
    b"\n": (b"<v>\n", b"\n</v>"),
    b"\r": (b"<v>\r", b"\r</v>"),
    b"\t": (b"<v>\t", b"\t</v>"),
}
"""Unusual spelling: comments, single quotes, blanks around `=` or values; a reader may then read a text's index as 0.

By a byte that Excel hardly writes: where it is missing, which is quickly known, the words with it are not looked for."""
_ERROR = re.compile(rb'\st="e"[^>]*>(?:<f\b[^>]*/>|<f\b[^>]*>[^<]*</f>)?<v>([^<]*)</v>')
_ERRORS = frozenset({"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A"})
"""The error values of the standard. Newer Excel has more (#SPILL!, #CALC!), and WPS has some in Chinese."""
_CELL = re.compile(r"([A-Z]{1,3})\d+")
_STATE = re.compile(rb"""\sstate=["']([^"']*)["']""")
_STATES = {"visible": "visible", "hidden": "hidden", "veryhidden": "veryHidden"}
"""State of a sheet in lower case → as in the standard; any other word counts as hidden."""


class Doctype(Exception):
    """Raised when a part declares a document type, which no workbook needs."""


def is_usual(chunk: bytes, *, is_first: bool) -> bool:
    """Whether a piece of a sheet, cut between tags, is spelled as Excel does. A wrong False only costs time."""
    if is_first and (b"<worksheet" not in chunk or b"\0" in chunk[:64] or b'xmlns="%s"' % MAIN.encode() not in chunk):
        return False
    named = chunk.count(MAIN.encode())  # more than once: by a prefix too
    odd = (word for byte, words in _ODD_WORDS.items() if byte in chunk for word in words)
    if named != is_first or any(word in chunk for word in odd) or _ODD.search(chunk):
        return False
    errors = _ERROR.findall(chunk) if b't="e"' in chunk else []
    return len(errors) == chunk.count(b't="e"') and {error.decode("latin-1") for error in errors} <= _ERRORS


def plain_name(entry: str) -> str:
    """The name of a part as in the standard, from the name that a program wrote into the zip's directory."""
    return entry.replace("\\", "/").lstrip("/")


class Parts:
    """The parts of a package and their relationships; names are found without regard to case."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        """List the parts of the package. Its methods raise KeyError or XMLSyntaxError when relationships cannot be read."""
        self.archive = archive
        self.entries = {
            plain_name(entry.filename): entry.filename for entry in archive.infolist() if not entry.is_dir()
        }
        self._folded = {name.casefold(): name for name in self.entries}

    def find(self, name: str) -> str | None:
        """The part's name as written in the package; None when there is no such part."""
        return self._folded.get(name.casefold())

    def read(self, name: str) -> bytes:
        """The bytes of a part."""
        return self.archive.read(self.entries[name])

    def relations(self, part: str) -> Iterator[tuple[str, str, str]]:
        """(id, last word of the type, target) of each relationship of a part ('': the package) to an existing part."""
        for one in self.relationships(part):
            target = self.find(resolve(part, one.get("Target", "")))
            if one.get("TargetMode") != "External" and target:
                yield one.get("Id", ""), one.get("Type", "").rpartition("/")[2], target

    def relationships(self, part: str) -> list[etree._Element]:
        """The relationship elements of a part, unchanged."""
        name = self.find(relations_of(part))
        return [one for one in _parse(self.read(name)) if isinstance(one.tag, str)] if name else []

    def workbook(self) -> str | None:
        """The name of the workbook part; None when the package has none."""
        documents = [part for _, last, part in self.relations("") if last == "officeDocument"]
        found = [part for part in documents if re.search(r"<(?:\w+:)?workbook[\s>]", self._start(part))]
        return found[0] if found else self.find(WORKBOOK)

    def _start(self, part: str) -> str:
        with self.archive.open(self.entries[part]) as stream:
            start = stream.read(8192)
        return start.decode("utf-16" if b"\0" in start[:64] else "utf-8", "replace")

    def moves(self) -> dict[str, str]:
        """Part → its usual name, for the parts that readers of workbooks look for. Raises KeyError without a workbook."""
        workbook = self.workbook()
        if workbook is None:
            raise KeyError("no workbook")
        moves = {workbook: WORKBOOK}
        for _, last, part in self.relations(workbook):
            if last == "worksheet":
                moves[part] = part if part.startswith(_SHEETS) else _SHEETS + posixpath.basename(part)
            elif last in _HOME:
                moves[part] = _HOME[last]
        return moves

    def is_usual(self) -> bool:
        """Whether all parts have their usual names, in the zip's directory and in the relationships, and all sheet states are usual."""
        workbook = self.workbook()
        targets = [one.get("Target", "") for one in self.relationships(workbook or "")]
        states = _STATE.findall(self.read(workbook)) if workbook else []
        return (
            all(name == entry for name, entry in self.entries.items())
            and all(old == new for old, new in self.moves().items())
            and not any(target.startswith(".") or "/." in target for target in targets)
            and {state.decode("latin-1") for state in states} <= set(_STATES.values())
        )


def relations_of(part: str) -> str:
    """The name of the part with the relationships of `part`; `part` is '' for the package."""
    folder, base = posixpath.split(part)
    return posixpath.join(folder, "_rels", f"{base}.rels")


def resolve(part: str, target: str) -> str:
    """The part that a target names in a relationship of `part`."""
    target = plain_name(target) if target.startswith(("/", "\\")) else posixpath.join(posixpath.dirname(part), target)
    return posixpath.normpath(target.replace("\\", "/"))


def respell(source: zipfile.ZipFile, target: IO[bytes]) -> None:
    """Write the workbook to `target` in the usual spelling. The package must be inspected first (zip bombs, macros).

    Raises Doctype, KeyError, ValueError, expat.ExpatError, etree.XMLSyntaxError when it is not a workbook.
    """
    parts = Parts(source)
    moves = parts.moves()
    taken = set(parts.entries) - set(moves)
    if len(set(moves.values())) < len(moves) or taken & set(moves.values()):
        raise ValueError("two parts for one name")
    owners = {relations_of(part): part for part in ("", *parts.entries)}
    is_strict = any(_STRICT in one.get("Type", "") for one in parts.relationships(""))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
        for name in parts.entries:
            if name == _TYPES:
                out.writestr(name, _types(parts, moves))
            elif name in owners and name.endswith(".rels"):
                owner = owners[name]
                out.writestr(relations_of(moves.get(owner, owner)), _relations(parts, owner, moves))
            else:
                with parts.archive.open(parts.entries[name]) as stream, out.open(moves.get(name, name), "w") as to:
                    if name in moves or (is_strict and name.endswith(".xml")):
                        _Speller(to.write, is_sheet=moves.get(name, "").startswith(_SHEETS)).run(stream)
                    else:
                        while block := stream.read(_CHUNK):
                            to.write(block)


def _parse(data: bytes) -> etree._Element:
    return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))


def serialise(root: etree._Element) -> bytes:
    """The bytes of a part: UTF-8 with an XML declaration."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)


def _types(parts: Parts, moves: dict[str, str]) -> bytes:
    """The content types, with an own entry for each part in `moves`."""
    root = _parse(parts.read(_TYPES))
    tag = f"{{{etree.QName(root).namespace}}}Override"
    folded = {old.casefold(): new for old, new in moves.items()}
    for one in list(root):
        name = plain_name(one.get("PartName", "")) if isinstance(one.tag, str) else ""
        if name.casefold() in folded:
            root.remove(one)
        elif (one.get("ContentType") or "").startswith(_MAIN_TYPE) and one.get("Extension"):
            one.set("ContentType", "application/xml")  # the type of one part was given to all parts with its ending
    words = {WORKBOOK: "sheet.main+xml", _HOME["styles"]: "styles+xml", _HOME["sharedStrings"]: "sharedStrings+xml"}
    for new in moves.values():
        word = words.get(new, "worksheet+xml")
        etree.SubElement(root, tag, PartName=f"/{new}", ContentType=_MAIN_TYPE + word)
    if all((one.get("Extension") or "").casefold() != "rels" for one in root):
        rels = "application/vnd.openxmlformats-package.relationships+xml"
        root.insert(0, etree.Element(tag.replace("Override", "Default"), Extension="rels", ContentType=rels))
    return serialise(root)


def _relations(parts: Parts, owner: str, moves: dict[str, str]) -> bytes:
    """The relationships of a part, with the new names of their targets."""
    name = parts.find(relations_of(owner))
    root = _parse(parts.read(name or ""))
    for one in root:
        if not isinstance(one.tag, str):
            continue
        one.set("Type", _transitional(one.get("Type", "")))
        if one.get("TargetMode") != "External":
            wanted = resolve(owner, one.get("Target", ""))
            old = parts.find(wanted) or wanted
            new = moves.get(old, old)
            # Readers expect the workbook's targets relative to its folder.
            one.set(
                "Target", new.removeprefix("xl/") if moves.get(owner) == WORKBOOK and new[:3] == "xl/" else f"/{new}"
            )
    return serialise(root)


def _transitional(uri: str) -> str:
    """The usual namespace or type for one of the strict spelling; any other is unchanged."""
    if not uri.startswith(_STRICT):
        return uri
    area, _, rest = uri.removeprefix(_STRICT).partition("/")
    words = "/".join(_HYPHENATED.get(word, word) for word in rest.split("/"))
    return f"http://schemas.openxmlformats.org/{area}/2006/{words}"


class _Speller:
    """Reads one part with a real parser and writes it: no prefix for cells, double quotes, a position for every row and cell."""

    def __init__(self, write: Callable[[bytes], object], *, is_sheet: bool) -> None:
        self.write = write
        self.is_sheet = is_sheet
        self.pieces: list[str] = []
        self.open_tag = False
        self.declared: list[tuple[str, str]] = []
        self.defaults = [""]
        """The default namespace at each depth of the written elements."""
        self.names: list[str] = []
        self.row = self.column = 0
        self.cell_type = ""
        self.value: list[str] | None = None
        """Pieces of the value that is being read; None outside a value."""

    def run(self, stream: IO[bytes]) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.namespace_prefixes = True
        parser.ordered_attributes = True
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartNamespaceDeclHandler = self._declare
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        self.write(b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n')
        while block := stream.read(_CHUNK):
            parser.Parse(block, False)
            self._flush()
        parser.Parse(b"", True)
        self._flush()

    def _flush(self) -> None:
        self.write("".join(self.pieces).encode())
        self.pieces.clear()

    def _refuse(self, *_: object) -> None:
        raise Doctype

    def _declare(self, prefix: str | None, uri: str | None) -> None:
        if prefix:
            self.declared.append((prefix, _transitional(uri or "")))

    def _start(self, name: str, attributes: list[str]) -> None:
        self._close()
        uri, local, prefix = _split(name)
        is_main = uri == MAIN
        prefix = "" if is_main else prefix
        written = f"{prefix}:{local}" if prefix else local
        words = [f"<{written}"]
        default = self.defaults[-1]
        if not prefix and uri != default:
            words.append(f' xmlns="{_quoted(uri)}"')
            default = uri
        words += [f' xmlns:{prefix}="{_quoted(uri)}"' for prefix, uri in self.declared]
        self.declared.clear()
        pairs: Iterable[tuple[str, str]] = zip(attributes[::2], attributes[1::2], strict=True)
        if self.is_sheet and is_main and local in ("row", "c", "v"):
            pairs = self._placed(local, dict(pairs))
        elif is_main and local == "sheet":
            pairs = [
                (key, _STATES.get(value.strip().lower(), "hidden") if key == "state" else value) for key, value in pairs
            ]
        for key, value in pairs:
            _, own, of = _split(key)
            words.append(f' {f"{of}:{own}" if of else own}="{_quoted(value)}"')
        self.pieces.append("".join(words))
        self.open_tag = True
        if self.is_sheet and written == "v":
            self.value = []
        self.names.append(written)
        self.defaults.append(default)

    def _placed(self, local: str, attributes: dict[str, str]) -> list[tuple[str, str]]:
        """The attributes of a row or cell, its position first; without a position it follows the one before."""
        if local == "v":
            return []
        if local == "c":
            self.cell_type = attributes.get("t", "n")
        place = attributes.pop("r", "").strip().upper()
        if local == "row":
            place = place or str(self.row + 1)
            self.row, self.column = int(place) if place.isdecimal() else self.row, 0
        elif found := _CELL.fullmatch(place):
            self.column = _number(found[1])
        elif not place:
            self.column += 1
            place = f"{column_letter(self.column)}{self.row}"
        return [("r", place), *attributes.items()]

    def _end(self, _: str) -> None:
        if self.value is not None:
            text, self.value = self._plain("".join(self.value)), None
            self._text(text)
        name = self.names.pop()
        self.defaults.pop()
        if self.open_tag:
            self.pieces.append("/>")
            self.open_tag = False
        else:
            self.pieces.append(f"</{name}>")

    def _plain(self, value: str) -> str:
        """The value of a cell without blanks around it (they count only in texts), unknown errors as `#VALUE!`."""
        if self.cell_type == "str":
            return value
        value = value.strip()
        return "#VALUE!" if self.cell_type == "e" and value not in _ERRORS else value

    def _text(self, text: str) -> None:
        if self.value is not None:
            self.value.append(text)
            return
        self._close()
        self.pieces.append(escape(text, {"\r": "&#13;"}))

    def _close(self) -> None:
        if self.open_tag:
            self.pieces.append(">")
            self.open_tag = False


def _split(name: str) -> tuple[str, str, str]:
    """(namespace, local name, prefix) of a name from expat."""
    words = name.split(" ")
    uri, local, prefix = ["", *words, ""] if len(words) == 1 else (*words, "") if len(words) == 2 else words
    return _transitional(uri), local, prefix


def _quoted(text: str) -> str:
    return escape(text, {'"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number
