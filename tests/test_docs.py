"""The pages say what the code does: commands, paths, tables, snippets; and nothing in the tree is anybody's or this machine's."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import unicodedata
from datetime import date
from pathlib import Path

import click
import pytest
import yaml
from low_income.cli import monitor
from low_income.model import PolicyError
from low_income.settings import contracts, policy
from low_income.settings.home import Home
from low_income.warehouse import examples
from low_income.warehouse.given import TABLES
from low_income.warehouse.models import SQL, Card, read_models

ROOT = Path(__file__).resolve().parent.parent
README, CHINESE = ROOT / "README.md", ROOT / "README.zh.md"
DESIGN, MANUAL = ROOT / "docs" / "design.md", ROOT / "docs" / "manual.md"
PAGES = [
    README,
    CHINESE,
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "expectations" / "sources" / "README.md",
    ROOT / "data_samples" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
KINDS = contracts.load().kinds
MODELS = read_models(KINDS)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(text: str, language: str = r"\w*") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.S | re.M)


def prose(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.S | re.M)


def spans(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", prose(text))


def section(text: str, title: str) -> str:
    return text.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def first_cells(text: str) -> list[str]:
    """What stands in the first column of each table, header lines left out."""
    cells = re.findall(r"^\| (.+?) \|", text, re.M)
    return [cell for cell in cells if "`" in cell]


# references ------------------------------------------------------------------------------------------------------

CODE = [
    path
    for folder in ("pipeline", "trials", "docs_site", "dags", "sql", "expectations", "policy", "tests", ".ci")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".sql", ".yml") and path != Path(__file__).resolve()
]
REFERENCE = re.compile(r"(?<![\w\".-])((?:docs/)?[A-Za-z][A-Za-z_-]*\.md)\b(?: \(([^)]+)\)|, ([\w ]+)\))?")
"""A page that a comment names: a word and nothing else, so no letter in an outbox, of which the name is a day."""
NOT_A_SECTION = ("Markdown",)


def broken_references(text: str) -> list[str]:
    """Pages that a text names and the repository does not hold, and sections (by title or number) that a page does not have."""
    found = []
    for match in REFERENCE.finditer(text):
        sections = match[2] or match[3]
        page = next((at for at in (ROOT / match[1], ROOT / "docs" / match[1]) if at.is_file()), None)
        if page is None:
            found.append(match[1])
            continue
        titles = [title.lower() for title in re.findall(r"^## (.+)$", text_of(page), re.M)]
        for part in (sections or "").split(","):
            named = part.strip().lower().split(" to ")[0]
            is_there = any(title == named or re.match(rf"{re.escape(named)}\. ", title) for title in titles)
            if sections and sections not in NOT_A_SECTION and not is_there:
                found.append(match[0])
    return found


def test_each_page_that_the_code_names_is_here() -> None:
    assert {
        path.relative_to(ROOT).as_posix(): found for path in CODE if (found := broken_references(text_of(path)))
    } == {}


@pytest.mark.parametrize(
    "text",
    [
        "See mission.md.",
        "Spec: docs/specification.md.",
        "See docs/identity.md (the number).",
        "as it is (docs/rules.md, colours).",
    ],
)
def test_a_reference_that_leads_nowhere_would_be_noticed(text: str) -> None:
    assert broken_references(text)


# lines and paragraphs --------------------------------------------------------------------------------------------

ENGLISH = [
    page
    for page in PAGES
    if page.parent != ROOT / "docs" or page.name not in ("manual.md", "glossary.md", "licences.md")
]
ENGLISH = [page for page in ENGLISH if page not in (CHINESE, ROOT / "CHANGELOG.md")]


def hard_to_read(text: str) -> list[str]:
    """Lines of prose longer than 140 characters, and paragraphs longer than six lines; tables and snippets are as they must be."""
    lines = [line for line in prose(text).splitlines() if len(line) > 140 and not line.startswith("|")]
    blocks_of_text = re.split(r"\n\s*\n", prose(text))
    paragraphs = [block for block in blocks_of_text if not re.match(r"\s*(?:[|#<>*-]|\d+\.)", block)]
    return lines + [block for block in paragraphs if block.count("\n") > 6]


@pytest.mark.parametrize("page", ENGLISH, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_is_easy_to_read(page: Path) -> None:
    assert hard_to_read(text_of(page)) == []


def test_a_page_that_is_hard_to_read_would_be_noticed() -> None:
    assert len(hard_to_read("word " * 30 + "\n\n" + "short\n" * 8 + "\n| " + "cell " * 40 + "|\n")) == 2


# commands --------------------------------------------------------------------------------------------------------


def command_lines(text: str) -> list[str]:
    typed = [line[2:] for block in blocks(text, "console") for line in block.splitlines() if line.startswith("$ ")]
    typed += [line for block in blocks(text, "") for line in block.splitlines() if line.startswith("monitor ")]
    return [line for line in [*typed, *spans(text)] if re.match(r"(\.venv/bin/)?monitor [\w-]", line)]


def misuse(line: str) -> str | None:
    """What is wrong with a `monitor …` line: words of no command, options that it has not, arguments too few or too many."""
    words = shlex.split(line.replace("…", ""))[1:]
    try:
        context = click.Context(monitor, info_name="monitor", help_option_names=["-h", "--help"])
        _, rest, _ = monitor.make_parser(context).parse_args(list(words))
        if not rest:
            return None if words[:1] == ["--home"] else "names no command"
        command = monitor.commands.get(rest[0])
        if command is None:
            return f"no command {rest[0]}"
        inner = click.Context(command, parent=context, info_name=rest[0])
        given, left, _ = command.make_parser(inner).parse_args(rest[1:])
    except click.UsageError as problem:
        return problem.format_message()
    if left:
        return f"too many arguments: {left}"
    if rest[1:]:
        missing = [
            each.name
            for each in command.params
            if each.required and not isinstance(given.get(each.name or ""), (str, tuple, list))
        ]
        return f"missing: {missing}" if missing else None
    return None


LINES = sorted({(page.relative_to(ROOT).as_posix(), line) for page in PAGES for line in command_lines(text_of(page))})


@pytest.mark.parametrize(("page", "line"), LINES)
def test_a_command_that_a_page_shows_is_one(page: str, line: str) -> None:
    assert misuse(line) is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("monitor approve X", "no command approve"),
        ("monitor run --night 2026-10-31", "--night"),
        ("monitor check a.xlsx b.xlsx", "too many"),
        ("monitor check --unit d01", "missing"),
        ("monitor confirm X --by 甲", "missing"),
    ],
)
def test_a_wrong_command_would_be_noticed(line: str, said: str) -> None:
    assert said in str(misuse(line))


@pytest.mark.parametrize("page", [README, CHINESE])
def test_every_command_is_in_the_table(page: Path) -> None:
    named = {name for cell in first_cells(text_of(page)) for name in re.findall(r"`monitor ([\w-]+)", cell)}
    assert named == {name for name, command in monitor.commands.items() if not command.hidden}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_make_is_asked_for_it_can_do(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    text = text_of(page)
    asked = re.findall(r"^\$ make ([\w-]+)", text, re.M) + re.findall(r"`make ([\w-]+)", text)
    assert set(asked) <= targets


# paths -----------------------------------------------------------------------------------------------------------

TOP = ("pipeline/", "sql/", "docs/", "tests/", "expectations/", "dags/", "data_samples/", "policy/")

SNIPPETS_MAKE = {"expectations/sources/d02_dibao_person.yml"}
"""Files that whoever follows a snippet makes."""


def mentioned(text: str) -> set[str]:
    """Paths of the checkout that a page names; of one with a placeholder, the folder above it."""
    found = set()
    for span in [*spans(text), *re.findall(r"^# ([\w./]+\.yml)", "\n".join(blocks(text, "yaml")), re.M)]:
        if re.fullmatch(r"[\w./<>…*-]+", span) and span.startswith(TOP):
            found.add(re.sub(r"[^/]*[<…*].*$", "", span))
    return {path for path in found if path and path not in SNIPPETS_MAKE}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    text = text_of(page)
    assert [path for path in sorted(mentioned(text)) if not (ROOT / path).exists()] == []
    links = {link for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", prose(text)) if "://" not in link}
    assert [link for link in sorted(links) if not (page.parent / link).exists()] == []


def test_links_within_a_page_lead_somewhere() -> None:
    for page in PAGES:
        text = text_of(page)
        titles = {title.strip().replace(" ", "-").lower() for title in re.findall(r"^#+ (.+)$", text, re.M)}
        anchors = set(re.findall(r'<a (?:id|name)="([^"]+)"', text)) | titles
        assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors, page.name


def test_the_home_has_the_folders_that_the_readme_names(tmp_path: Path) -> None:
    made = {path.split("/")[0] for path in Home.create(tmp_path / "home")} - {"."}
    for page in (README, CHINESE):
        title = "The home" if page is README else "数据目录"
        named = {cell.strip("`").split("/")[0] for cell in first_cells(section(text_of(page), title))}
        assert named == made | {"warehouse.duckdb", "ledger.db"}


# the two READMEs -------------------------------------------------------------------------------------------------


def test_the_chinese_readme_says_what_the_english_one_says() -> None:
    english, chinese = text_of(README), text_of(CHINESE)
    assert re.findall(r"^(#+) ", english, re.M) == re.findall(r"^(#+) ", chinese, re.M)
    for language in ("console", "yaml"):
        assert blocks(english, language) == blocks(chinese, language)
    assert len(blocks(english)) == len(blocks(chinese))
    assert mentioned(english) == mentioned(chinese)
    assert sorted(set(command_lines(english))) == sorted(set(command_lines(chinese)))
    assert [len(re.findall(r"^\| ", part, re.M)) for part in english.split("\n## ")] == [
        len(re.findall(r"^\| ", part, re.M)) for part in chinese.split("\n## ")
    ]


# what is promised ------------------------------------------------------------------------------------------------

CODES = sorted(card.code for card in MODELS.cards.values())


def test_people_are_told_every_rule_and_where_every_policy_value_stands() -> None:
    manual = text_of(MANUAL)
    assert sorted(re.findall(r"^\| ([ABC]\d\d) \|", manual, re.M)) == CODES
    assert set(re.findall(r"`policy/([\w.]+)`", manual)) == {path.name for path in policy.POLICY.iterdir()}
    changelog = text_of(ROOT / "CHANGELOG.md")
    assert [code for code in CODES if code not in changelog] == []


def test_every_kind_has_its_place_in_the_glossary() -> None:
    glossary = text_of(ROOT / "docs" / "glossary.md")
    assert [name for name in KINDS if f'"{name}"' not in glossary and f"`{name}`" not in glossary] == []


def test_what_the_demo_writes_is_for_its_owner_alone_and_its_date_may_lie_ahead() -> None:
    """Whatever the umask of the shell: each of its lines that writes into the home by itself, and Airflow's own modes."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.findall(r"^\t@(.+)$", text[text.index("\ndemo: $(VENV)") : text.index("\ntest: ")], re.M)
    writing = [
        line for line in recipe if re.search(r">>? ?\$\(DEMO\)|airflow |dags/", line) and not line.startswith("echo")
    ]
    assert len(writing) == 2 and all(line.startswith("umask 077; ") for line in writing)
    for setting in ("NEW_FOLDER_PERMISSIONS := 0o700", "NEW_FILE_PERMISSIONS := 0o600"):
        assert f"demo: export AIRFLOW__LOGGING__FILE_TASK_HANDLER_{setting}" in text
    assert "demo: export MONITOR_REALLY := 1" in text


# docs/design.md --------------------------------------------------------------------------------------------------


def test_design_names_every_room_and_what_is_in_it() -> None:
    rooms = dict(re.findall(r"^\| `([\w./]+)` \| (.+) \|$", section(text_of(DESIGN), "Rooms"), re.M))
    here = (ROOT / "pipeline" / "low_income").iterdir()
    expected = {f"{path.name}/" if path.is_dir() else path.name for path in here if path.name[0] not in "_."}
    assert set(rooms) == expected
    for room, says in rooms.items():
        if room.endswith("/") and room != "generate/":
            modules = {
                path.stem
                for path in (ROOT / "pipeline" / "low_income" / room).glob("*.py")
                if path.name != "__init__.py"
            }
            assert [
                one for one in sorted(modules) if f"`{one}`" not in says and f"`{one}." not in text_of(DESIGN)
            ] == []


def test_design_lists_every_given_table_as_the_file_of_them_says() -> None:
    part = section(text_of(DESIGN), "What the SQL may read")
    rows = dict(re.findall(r"^\| `input\.(\w+)` \| (.+) \|$", part, re.M))
    for table, given in TABLES.items():
        assert rows[table] == given.about, f"docs/design.md: | `input.{table}` | {given.about} |"
        if "as published" not in given.about and not given.from_release:
            assert [name for name in given.columns if not re.search(rf"\b{name}\b", given.about)] == [], table
    lists = {path.stem for path in (ROOT / "sql" / "published").glob("*.csv")}
    known = {*TABLES, *lists}
    assert set(rows) <= known
    assert [name for name in sorted(known) if not re.search(rf"\b{name}\b", part)] == []
    asked = {
        read.removeprefix("input.")
        for name in MODELS.everything()
        for read in MODELS.reads(name)
        if read.startswith("input.")
    }
    assert asked <= known


def test_design_shows_every_key_of_a_card() -> None:
    shown = set(re.findall(r"^(\w+):", blocks(text_of(DESIGN), "yaml")[0], re.M))
    assert shown == set(Card.model_fields) - {"must_hold"}


def test_registry_models_that_rules_read_are_in_design() -> None:
    read = {name for card in MODELS.cards for name in MODELS.reads(card) if name.startswith("registry.")}
    text = text_of(DESIGN)
    assert [name for name in sorted(read) if f"`{name.removeprefix('registry.')}`" not in text] == []


# the snippets of the README --------------------------------------------------------------------------------------


def snippet(start: str) -> str:
    found = [block for block in blocks(text_of(README), "yaml") if block.startswith(f"# {start}")]
    assert len(found) == 1, start
    return found[0]


def paste(root: Path, written: str) -> Path:
    """Put a snippet where its first line says: `# <file>` for a whole file, `# <file>, under <key>: <key>:` for some lines of one."""
    comment, _, body = written.partition("\n")
    file, _, keys = comment.removeprefix("# ").partition(", under ")
    path, at = root / file, 0
    lines = text_of(path).splitlines(keepends=True) if keys else []
    for key in keys.split():
        at = next(n for n, line in enumerate(lines) if n >= at and line.strip() == key) + 1
    path.write_text("".join([*lines[:at], body, *lines[at:]]), encoding="utf-8")
    return path


def test_every_snippet_pastes_in_at_the_place_that_it_names(tmp_path: Path) -> None:
    home = tmp_path / "home"
    Home.create(home)
    shutil.copytree(contracts.EXPECTATIONS, tmp_path / "expectations")

    paste(home, snippet("monitor.yml"))
    assert set(Home.create(home)) == {"inbox/d15/", "decisions/inbox/d15/"}
    unit = next(each for each in Home.open(home).units.values() if each.code == "d15")
    assert unit.townships[0].is_border
    paste(home, snippet("policy/"))
    assert Home.open(home).policy.value("dibao_standard", date(2027, 1, 1), "北片", "城市").value == 780
    paste(tmp_path, snippet("expectations/kinds/"))
    paste(tmp_path, snippet("expectations/sources/"))
    agreed = contracts.load(tmp_path / "expectations")
    assert len(agreed.kinds["temporary_grant"].checks) == len(KINDS["temporary_grant"].checks) + 1
    assert agreed.for_unit("dibao_person", "d02").header_fields()["民政对象证号"] == "id_number"
    card = yaml.safe_load(snippet("sql/warnings/"))
    there = yaml.safe_load(text_of(ROOT / "sql" / "warnings" / "a05.yml"))
    assert list(card.items()) == [(key, there[key]) for key in there if key in card]
    assert len(blocks(text_of(README), "yaml")) == 5


def test_the_check_of_the_readme_marks_what_it_says(tmp_path: Path) -> None:
    import pandas as pd
    from low_income.checks.validation import Expectation, failing_rows

    shutil.copytree(contracts.EXPECTATIONS, tmp_path / "expectations")
    paste(tmp_path, snippet("expectations/kinds/"))
    check = contracts.load(tmp_path / "expectations").kinds["temporary_grant"].checks[0]
    frame = pd.DataFrame({"persons": pd.array([1, 0, None, 5], dtype="Int64")})
    [rows] = failing_rows(frame, [Expectation(check.rule, check.expect, check.kwargs)])
    assert rows.tolist() == [1]


@pytest.mark.parametrize("page", [README, MANUAL])
def test_a_dated_line_is_all_that_a_policy_value_needs(tmp_path: Path, page: Path) -> None:
    line = next(line for block in blocks(text_of(page), "yaml") for line in block.splitlines() if "valid_from" in line)
    shutil.copytree(policy.POLICY, tmp_path / "policy")
    file = tmp_path / "policy" / "dibao.yml"
    file.write_text(
        text_of(file).replace("  values:\n", f"  values:\n    {line.strip()}\n", 1), encoding="utf-8"
    )  # the first key is dibao_standard

    def standard(day: date) -> list[int]:
        held = policy.load(tmp_path / "policy").on(day)
        return [int(each.value) for each in held if each.key == "dibao_standard" and each.policy_region == "北片"]

    assert 780 not in standard(date(2026, 12, 31))
    assert 780 in standard(date(2027, 1, 1))
    file.write_text(text_of(file).replace(', source: "某发〔2026〕1号"', "").replace(
        'value: 780, source: "样例值，非官方标准"', "value: 780"), encoding="utf-8")  # fmt: skip
    with pytest.raises(PolicyError, match="source"):
        policy.load(tmp_path / "policy")


def test_the_rule_that_is_walked_through_keeps_its_examples(tmp_path: Path) -> None:
    """docs/new-rule.md: its card, query and examples, in the place of a rule that is there."""
    page = text_of(ROOT / "docs" / "new-rule.md")
    shutil.copytree(SQL, tmp_path / "sql")
    (tmp_path / "sql/warnings/x01.yml").write_text("".join(blocks(page, "yaml")), encoding="utf-8")
    (tmp_path / "sql/warnings/x01.sql").write_text(blocks(page, "sql")[0], encoding="utf-8")
    models = read_models(KINDS, tmp_path / "sql")
    models.validate(["warnings.x01"])
    assert examples.unsound(models, "warnings.x01") == (False, [])


def test_the_change_that_is_walked_through_is_the_one_of_the_readme() -> None:
    assert snippet("expectations/kinds/") in blocks(text_of(ROOT / "CONTRIBUTING.md"), "yaml")


# the whole tree --------------------------------------------------------------------------------------------------


NOT_OURS = {"var", "build", "dist", "__pycache__"}
"""Made by running, besides what begins with a dot; as in .gitignore."""


def tree() -> list[Path]:
    """Every file of the project, whether git knows it yet or not."""
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if name == ".ci" or not (name in NOT_OURS or name.startswith(".")))
        found += [Path(folder, name) for name in sorted(files) if name != ".git" and not name.endswith(".pyc")]
    return found


# Written so that these lines are not what they look for.
MACHINE = re.compile(r"(?<![\w.}>)*…])/(?:work|root|tmp/x)/")
HOSTS = re.compile(r"p[y]pi\.|python[h]osted|npm[j]s\.|(?<!emit-)index[-]url[ =]|mirrors[.]")
NUMBER = re.compile(r"(?<![0-9A-Za-z])(?!99)\d{17}[\dX](?![0-9A-Za-z])", re.I)


def betrayals(text: str) -> list[str]:
    """What a file of this project may not hold: a folder of one machine, a registry's address, a number of a real region."""
    text = unicodedata.normalize("NFKC", text)
    return [hit.group() for pattern in (MACHINE, HOSTS, NUMBER) for hit in pattern.finditer(text)]


def test_the_tree_names_no_machine_no_registry_and_nobody() -> None:
    texts = {path: path.read_bytes().decode("utf-8", errors="replace") for path in tree()}
    assert {path.relative_to(ROOT).as_posix(): hits for path, text in texts.items() if (hits := betrayals(text))} == {}


def test_what_the_scan_looks_for_it_finds() -> None:
    body = "105194912310021"  # with 11 before it, an example of GB 11643
    for text in ("see /{}/main", "'/{}/main'", "({}"):
        assert bool(betrayals(text.format("work"))) == ("/" in text)
    assert betrayals("https://{}.org".format("py" + "pi")) and betrayals("--{}-url x".format("index"))
    assert betrayals(f"号码{'11' + body}x,") and betrayals("11" + f"{body}7".replace("1", "\uff11"))
    assert not betrayals(f"99{body}x") and not betrayals(f"sha256:a{'11' + body}7f") and not betrayals("home/work/x")


def test_one_thing_has_one_name() -> None:
    """The inbox, the returned copy and the ledger are called alike everywhere; 台账 is what people keep, never the ledger."""
    pages = [
        *sorted((ROOT / "pipeline" / "low_income").rglob("*.py")),
        *sorted((ROOT / "trials").rglob("*.py")),
        *sorted((ROOT / "docs_site").rglob("*.py")),
        *sorted((ROOT / "dags").rglob("*.py")),
        ROOT / "Makefile",
        *PAGES,
    ]
    told = {path.relative_to(ROOT).as_posix(): text_of(path) for path in pages}
    other = re.compile("收件文件夹|退回文件(?!夹)|退回的?副本|标注副本|台账(?=数据库|坏|丢|不全|和日志| ?ledger|：)")
    assert {name: hits for name, text in told.items() if (hits := other.findall(text))} == {}
    registers = ("临时救助台账", "台账和没有月份的名单", '"台账"', "|台账|")
    for name, text in told.items():
        left = text
        for words in registers:
            left = left.replace(words, "")
        assert "台账" not in left or name == "CHANGELOG.md", name
