"""Sources → pages: which page there is for what, what it says, and the files of a whole site.

Every text goes through Jinja2 with autoescape, so what stands in a card is text and never markup. Equal sources give
equal bytes: a page names no time and no machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from low_income.ask.pages import read_templates
from low_income.lists.words import LEVEL_TITLES, REGISTRY_TITLES
from low_income.model import CHECK_LEVEL_TITLES, SEVERITY_TITLES, PolicyError
from low_income.returns import templates
from low_income.settings import contracts, policy
from low_income.settings.contracts import Kind
from low_income.settings.policy import Policy
from low_income.settings.strict_yaml import read_yaml
from low_income.warehouse import CARD_TABLES, PREVIOUS, RECEIPT
from low_income.warehouse.examples import UNITS
from low_income.warehouse.given import TABLES
from low_income.warehouse.models import SQL, Card, Models, Published, read_models

from docs_site import examples, lineage, words

HERE = Path(__file__).parent / "templates"
STYLE = "style.css"


@dataclass(frozen=True)
class Sources:
    """All that the site says: contracts, models with what stands beside them, and policy."""

    kinds: Mapping[str, Kind]
    models: Models
    policy: Policy
    policy_files: Mapping[str, Mapping[str, Any]]
    """Policy key → its entry as written: bounds, and when a person last looked."""


@dataclass(frozen=True)
class Field:
    """A column of a table as its page shows it."""

    name: str
    title: str
    type: str


def read_sources(sql: Path = SQL, expectations: Path = contracts.EXPECTATIONS, values: Path = policy.POLICY) -> Sources:
    """Read the folders of the checkout. Raises ContractError, ModelError or PolicyError, as a night does."""
    kinds = contracts.load(expectations).kinds
    entries: dict[str, Mapping[str, Any]] = {}
    for path in sorted(values.glob("*.yml")):
        entries |= read_yaml(path, PolicyError)
    return Sources(kinds, read_models(kinds, sql), policy.load(values), entries)


def write(sources: Sources, target: Path) -> int:
    """Write the site into a folder; pages of an earlier build that no longer exist go. Gives the number of files."""
    files = render(sources)
    for old in sorted(target.rglob("*.html")):
        if old.relative_to(target).as_posix() not in files:
            old.unlink()
    for name, text in files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return len(files)


def render(sources: Sources) -> dict[str, str]:
    """Path within the site → content, for every page and the style sheet."""
    return Site(sources).files()


class Site:
    """What the pages of some sources say."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.lineage = lineage.of(sources.models)
        self.cards = {card.code: card for card in sources.models.cards.values()}
        self.rules_of_key: dict[str, list[Card]] = {key: [] for key in sources.policy.titles}
        for card in self.cards.values():
            for key in card.reads_policy:
                self.rules_of_key.setdefault(key, []).append(card)
        self.env = read_templates(HERE)
        self.env.globals |= {
            "rooms": words.ROOMS, "room_of": lambda name: name.partition(".")[0], "purposes": templates.PURPOSE_TITLES,
            "levels": LEVEL_TITLES, "registries": REGISTRY_TITLES, "severities": SEVERITY_TITLES, "looks": CHECK_LEVEL_TITLES,
            "subjects": words.SUBJECTS, "kinds": sources.kinds, "cards": self.cards, "lineage": self.lineage,
            "titles_of_policy": sources.policy.titles, "about": self.about, "units": UNITS,
        }  # fmt: skip

    def files(self) -> dict[str, str]:
        """Every page of the site."""
        found = {STYLE: (HERE / STYLE).read_text(encoding="utf-8")}
        for page in ("index", "rules", "tables", "policy", "kinds", "lineage"):
            found[f"{page}.html"] = self._page(page, "", **self._overview())
        for name in self.lineage.reads:
            found[f"tables/{name}.html"] = self._table(name)
        for name, card in self.sources.models.cards.items():
            found[f"rules/{card.code.lower()}.html"] = self._rule(name, card)
        for key in self.sources.policy.titles:
            found[f"policy/{key}.html"] = self._policy(key)
        found["policy/holidays.html"] = self._page("holidays", "../", days=sorted(self.sources.policy.holidays.items()))
        for name, kind in sorted(self.sources.kinds.items()):
            found[f"kinds/{name}.html"] = self._kind(name, kind)
        return dict(sorted(found.items()))

    def about(self, name: str) -> str:
        """One line of what stands in a table."""
        room, _, table = name.partition(".")
        if name in words.MADE_BY_PROGRAM:
            return words.MADE_BY_PROGRAM[name]
        if room == "accepted":
            return f"{self.sources.kinds[table].title}：{self.sources.kinds[table].grain}"
        model = self.sources.models.models.get(name)
        if model is None:
            return self._about_given(table)
        if isinstance(model.about, Card):
            return f"{model.about.code} {model.about.title}"
        return model.about.comment if isinstance(model.about, Published) else model.about.grain

    def _about_given(self, table: str) -> str:
        if table in PREVIOUS:
            published = f"main.{PREVIOUS[table]}"
            return f"上一版的 {published}：{self.about(published)}"
        if table in CARD_TABLES:
            return "由规则的卡片写成"
        if table in self.sources.models.lists:
            return f"对照表 sql/published/{table}.csv"
        return TABLES[table].title

    def fields(self, name: str) -> list[Field]:
        """The columns of a table, as far as the checkout says them; [] for tables that the program makes."""
        room, _, table = name.partition(".")
        if room == "accepted":
            kind = self.sources.kinds[table]
            return [
                Field(column, kind.columns[column].header if column in kind.columns else "", type_)
                for column, type_ in (kind.accepted_columns() | RECEIPT).items()
            ]
        if room == "input" and table in TABLES:
            return [Field(column, "", type_) for column, type_ in TABLES[table].columns.items()]
        if room == "input" and table in self.sources.models.lists:
            return [Field(column, "", "VARCHAR") for column in self.sources.models.lists[table].column_names]
        model = self.sources.models.models.get(name)
        if model is None:
            return []
        titles = model.about.columns if isinstance(model.about, Published) else {}
        return [Field(column, titles.get(column, ""), "") for column in model.output_columns()]

    def _page(self, template: str, root: str, **said: Any) -> str:
        return self.env.get_template(f"{template}.html").render(root=root, **said)

    def _overview(self) -> dict[str, Any]:
        found = self.sources
        return {
            "published": found.models.published,
            "policy_keys": sorted(found.policy.titles),
            "values_of": {key: self._values(key) for key in found.policy.titles},
            "files_of": found.policy.files,
            "arrows": self.lineage.arrows(),
        }

    def _table(self, name: str) -> str:
        model = self.sources.models.models.get(name)
        card = model.about if model and isinstance(model.about, Card) else None
        beside = model.about if model and not card else None
        reached = self.sources.models.lineage(name)
        return self._page(
            "table", "../",
            name=name, model=model, card=card, beside=beside, fields=self.fields(name), around=self.lineage.around(name),
            down=self.lineage.down(name), reached={kind: path for kind, path in sorted(reached.items()) if path != [name]},
            published=isinstance(beside, Published),
            shown=self._examples(beside) if beside else [],
        )  # fmt: skip

    def _rule(self, name: str, card: Card) -> str:
        shown = self._examples(card)
        return self._page(
            "rule", "../",
            name=name, card=card, model=self.sources.models.models[name],
            sides=[("列出的例子", [each for each in shown if each.is_listed]), ("不列出的例子", [each for each in shown if not each.is_listed])],
            values_of={key: self._values(key) for key in card.reads_policy if key in self.sources.policy.titles},
        )  # fmt: skip

    def _examples(self, about: Any) -> list[examples.Shown]:
        return [examples.shown(example, about, self.sources.kinds) for example in about.examples]

    def _values(self, key: str) -> list[policy.PolicyValue]:
        return [value for value in self.sources.policy.values if value.key == key]

    def _policy(self, key: str) -> str:
        return self._page(
            "policy_value", "../",
            key=key, title=self.sources.policy.titles[key], file=self.sources.policy.files[key], values=self._values(key),
            entry=self.sources.policy_files[key], rules=self.rules_of_key[key],
        )  # fmt: skip

    def _kind(self, name: str, kind: Kind) -> str:
        return self._page(
            "kind", "../",
            name=name, kind=kind, readers=self.lineage.readers.get(f"accepted.{name}", ()),
            senders=[words.SENDERS.get(sender, sender) for sender in kind.senders],
            replaces=templates.REPLACE_WORDS[kind.replace],
            columns=[
                (
                    field, column, templates.header(field, column).lstrip("*"), templates.required_words(kind, column),
                    templates.meaning_words(column), templates.allowed_words(column),
                )
                for field, column in kind.columns.items()
            ],
        )  # fmt: skip
