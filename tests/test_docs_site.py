"""The offline site of `make docs`: a page for each thing, links that lead somewhere, texts that stay texts, equal bytes."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

import pytest
from low_income.model import ROOT
from low_income.warehouse.models import SQL, Card, Published

from docs_site import drawing, lineage, pages, words

SOURCES = pages.read_sources()
FILES = pages.render(SOURCES)
HOSTILE = '</td><script>alert("1")</script><img src=x onerror=alert(1)>&lt;b'


class Reader(HTMLParser):
    """Tags, links, anchors and visible text of a page; what is opened and not closed."""

    VOID = ("meta", "link", "br", "img", "path", "rect")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open += [] if tag in self.VOID else [tag]
        for name, value in attrs:
            self.attributes.add(name)
            if name in ("href", "src"):
                self.links.append(value or "")
            if name == "id":
                self.anchors.add(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


READ = {name: Reader(text) for name, text in FILES.items() if name.endswith(".html")}


def said_on(name: str) -> str:
    return "".join(READ[name].texts)


def test_everything_has_its_page() -> None:
    expected = {f"tables/{name}.html" for name in lineage.of(SOURCES.models).reads}
    expected |= {f"tables/{name}.html" for name in SOURCES.models.models}
    expected |= {f"rules/{card.code.lower()}.html" for card in SOURCES.models.cards.values()}
    expected |= {f"policy/{key}.html" for key in SOURCES.policy.titles}
    expected |= {f"kinds/{name}.html" for name in SOURCES.kinds}
    expected |= {f"{name}.html" for name in ("index", "rules", "tables", "policy", "kinds", "lineage")}
    assert expected | {"policy/holidays.html", "style.css"} == set(FILES)


def test_every_page_is_reached_from_the_start() -> None:
    reached, waiting = set(), ["index.html"]
    while waiting:
        page = waiting.pop()
        if page not in reached and page in READ:
            reached.add(page)
            waiting += [target for target, _ in targets(page)]
    assert set(READ) - reached == set()


def targets(page: str) -> list[tuple[str, str]]:
    """Where the links of a page lead: (file of the site, anchor in it)."""
    found = []
    for link in READ[page].links:
        path, _, anchor = link.partition("#")
        whole = PurePosixPath(page).parent / path if path else PurePosixPath(page)
        parts: list[str] = []
        for part in whole.parts:
            parts = parts[:-1] if part == ".." else [*parts, part]
        found.append(("/".join(parts), anchor))
    return found


def test_every_link_leads_to_a_file_and_a_place_in_it() -> None:
    broken = [
        (page, target, anchor)
        for page in READ
        for target, anchor in targets(page)
        if target not in FILES or (anchor and anchor not in READ[target].anchors)
    ]
    assert broken == []


def test_nothing_comes_from_elsewhere() -> None:
    for name, page in READ.items():
        assert "script" not in page.tags and "img" not in page.tags and "iframe" not in page.tags, name
        assert not [each for each in page.attributes if each.startswith("on") or each == "style"], name
        assert not [link for link in page.links if re.match(r"[a-z]+:|//", link)], name
        assert page.open == [], name
    assert "url(" not in FILES["style.css"] and "@import" not in FILES["style.css"]


def test_equal_sources_give_equal_bytes(tmp_path: Path) -> None:
    """Two processes with other seeds of hashes, and a page of an earlier build that is gone."""
    for name, seed in (("first", "1"), ("second", "2")):
        (tmp_path / name / "rules").mkdir(parents=True)
        (tmp_path / name / "rules" / "z99.html").write_text("old", encoding="utf-8")
        subprocess.run(
            [sys.executable, "-m", "docs_site", str(tmp_path / name)], cwd=ROOT, check=True, capture_output=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": f"{ROOT / 'pipeline'}:{ROOT}", "PYTHONIOENCODING": "utf-8", "PATH": ""},
        )  # fmt: skip
    first, second = (
        {path.relative_to(tmp_path / name).as_posix(): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("first", "second")
    )
    assert first == second == {name: text.encode() for name, text in FILES.items()}


HOSTILE_IN = [
    ("warnings/a01.yml", "title: 收入低于低保标准未纳入", f"title: '{HOSTILE}'", "rules/a01.html"),
    ("warnings/a01.yml", "caveat: 收入是摸底时的申报数，", f"caveat: {HOSTILE}，", "rules/a01.html"),
    ("warnings/a02.yml", "  - name: ", f"  - name: {HOSTILE}", "rules/a02.html"),
    ("warnings/a03.yml", "head_id_number: 甲,", f"head_id_number: '{HOSTILE}',", "rules/a03.html"),
    ("published/coverage.yml", "rows: 接收的行数", f"rows: '{HOSTILE}'", "tables/main.coverage.html"),
    ("published/submission.yml", "\ncomment: ", f"\ncomment: {HOSTILE}", "tables.html"),
    ("registry/enrolment.sql", "with", f"-- {HOSTILE}\nwith", "tables/registry.enrolment.html"),
    ("registry/person.yml", "grain: ", f"grain: {HOSTILE}", "lineage.html"),
]


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The site of models whose texts hold markup."""
    folder = tmp_path_factory.mktemp("spoilt") / "sql"
    shutil.copytree(SQL, folder)
    for file, old, new, _ in HOSTILE_IN:
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text, file
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    return pages.render(pages.read_sources(sql=folder))


@pytest.mark.parametrize(("file", "page"), [pytest.param(file, page, id=new[:24]) for file, _, new, page in HOSTILE_IN])
def test_a_hostile_text_stays_a_text(spoilt: dict[str, str], file: str, page: str) -> None:
    read = Reader(spoilt[page])
    assert HOSTILE in "".join(read.texts), file
    assert "script" not in read.tags and "img" not in read.tags and read.open == []


def test_no_page_takes_markup_from_a_text(spoilt: dict[str, str]) -> None:
    assert [name for name, text in spoilt.items() if "<script" in text or "<img" in text] == []


@pytest.mark.parametrize("card", SOURCES.models.cards.values(), ids=lambda card: card.code)
def test_the_page_of_a_rule_says_all_that_its_card_says(card: Card) -> None:
    said = said_on(f"rules/{card.code.lower()}.html")
    texts = [
        card.title,
        card.condition,
        card.why,
        card.citation,
        card.caveat,
        card.reason,
        *card.exclusions,
        *card.assumptions,
    ]
    texts += [example.name for example in card.examples] + [item.fact for item in card.evidence]
    texts += [SOURCES.policy.titles[key] for key in card.reads_policy]
    assert [text for text in texts if text not in said] == []
    assert "列出的例子（" in said and "不列出的例子（" in said


def test_examples_show_yuan_headers_and_what_is_answered() -> None:
    said = said_on("rules/a01.html")
    for text in ("17759.99元", "家庭年总收入", "结果：列出", "结果：不列出", "红色", "当晚 2026-10-31"):
        assert text in said


def test_a_published_table_shows_each_column_with_its_comment() -> None:
    for name, about in SOURCES.models.published.items():
        said = said_on(f"tables/{name}.html")
        assert isinstance(about, Published) and about.comment in said
        assert [column for column, text in about.columns.items() if column not in said or text not in said] == []


def test_a_policy_value_shows_dates_amount_unit_and_source() -> None:
    for key in SOURCES.policy.titles:
        said = said_on(f"policy/{key}.html")
        for value in (value for value in SOURCES.policy.values if value.key == key):
            for text in (
                value.valid_from.isoformat(),
                f"{value.value:f}",
                value.unit,
                value.source,
                value.policy_region,
            ):
                assert text in said


def test_a_kind_shows_headers_aliases_and_checks() -> None:
    for name, kind in SOURCES.kinds.items():
        said = said_on(f"kinds/{name}.html")
        for column in kind.columns.values():
            assert [text for text in (column.header, *column.aliases, column.type) if text not in said] == []
        for check in kind.checks:
            assert [text for text in (check.rule, check.message, check.fix) if text not in said] == []


def test_a_page_names_whom_a_table_reads_and_who_reads_it() -> None:
    said = READ["tables/registry.enrolment.html"].links
    for name in (*SOURCES.models.reads("registry.enrolment"), "warnings.a04", "main.enrolment"):
        assert f"../tables/{name}.html" in said


def test_every_table_has_words() -> None:
    site = pages.Site(SOURCES)
    assert [name for name in site.lineage.reads if not site.about(name)] == []
    assert [name for name in site.lineage.reads if not site.fields(name) and name not in words.MADE_BY_PROGRAM] == []


def test_boxes_of_a_drawing_do_not_overlap_and_arrows_go_to_the_right() -> None:
    found = lineage.of(SOURCES.models)
    for name in found.reads:
        for picture in filter(None, (found.around(name), found.down(name))):
            places = sorted((box.x, box.y) for box in picture.boxes)
            assert len(set(places)) == len(places)
            assert all(x1 != x2 or y2 - y1 >= drawing.HEIGHT for (x1, y1), (x2, y2) in itertools.pairwise(places))
            assert all(box.x >= 0 and box.x + box.width <= picture.width for box in picture.boxes)
            assert all(box.y >= 0 and box.y + box.height <= picture.height for box in picture.boxes)
            for arrow in picture.arrows:
                start, end = re.fullmatch(r"M(\d+),.* (\d+),\d+", arrow).groups()  # type: ignore[union-attr]
                assert int(start) < int(end)
