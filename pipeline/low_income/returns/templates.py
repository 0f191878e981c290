"""Blank workbooks of a record kind, and the glossary page; both are made from the contracts and say nothing else.

A filled-in template is read like any other file: its header folds to the contract's headers, its example row
begins with 示例 and is no data, and its sheet 填报说明 has no header of any kind.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import openpyxl
from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.page import PageMargins
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from low_income.model import ROOT, Purpose
from low_income.settings.contracts import Column, Contracts, Kind, Type, load
from low_income.settings.home import atomically

GLOSSARY = ROOT / "docs" / "glossary.md"

TYPE_WORDS: dict[Type, str] = {
    "name": "姓名，与身份证一致，不加空格和称呼",
    "id_number": "18 位公民身份号码，按文本填，末位 X 大写",
    "text": "文字",
    "date": "日期，写成 2026-08-15",
    "month": "年月，写成 2026-08",
    "money": "金额，单位{unit}，只写数字；不知道就留空，不要填 0",
    "integer": "整数，只写数字",
    "decimal": "数字，可带小数",
    "boolean": "是或否",
    "code": "从下拉列表选",
    "township": "本区所辖乡镇（街道）的全称",
    "place": "所在区和乡镇（街道）",
    "disability_number": "残疾人证号：18 位身份号码加 2 位类别等级，补换证再加 B1、B2，按文本填",
}
"""What to write in a cell of each type."""

PURPOSE_TITLES: dict[Purpose, str] = {
    "assistance": "发现需要帮助的人",
    "supplement": "核对应补的待遇",
    "entitlement_review": "复核本人现有待遇",
    "statistics": "统计",
}

_TERMS = (
    ("低保", "dibao", "最低生活保障。按户认定，家庭人均收入低于当地标准的，按月补差。"),
    ("特困", "tekun", "特困人员救助供养。无劳动能力、无生活来源、无人赡养抚养的人，按人认定。旧称五保、三无。"),
    ("低保边缘", "edge", "不在低保、特困，人均收入低于低保标准规定倍数（样例为 1.5 倍）的家庭。旧称低收入家庭。"),
    ("临时救助", "temporary assistance", "遇到急难或大额支出时给一次的救助，按笔（人次）计。分急难型、支出型。"),
    ("名册", "roster", "一个区、一类保障、一个月的全部在册人员，每月报一次，整份代替同月旧名册。"),
    ("在册", "enrolled", "在不晚于当晚的最近一期名册上。"),
    ("四种回答", "registry answer", "在册、不在册、说不准（没有可用的身份号码）、名册过期。名册没来，不等于不在册。"),
    ("分类施保", "category supplement", "低保家庭中老人、未成年人、重残、重病的人另加的一份。"),
    ("偏远增发", "remote supplement", "住得离镇政府远或在边境乡镇的低保家庭另加的一份。"),
    ("照料护理", "care allowance", "半护理、全护理的特困人员另加的一份。"),
    ("刚性支出", "rigid expenses", "躲不开的支出：医疗、教育、残疾康复等，扣掉已报销、已救助的。"),
    ("摸底排查", "survey", "民政与乡村振兴部门一起做的低收入人口调查。"),
    ("防返贫监测", "monitoring", "乡村振兴部门的防止返贫监测对象，风险未消除的才算。"),
    ("预警", "warning", "一个人或一户满足一条规则的条件。是提问，不是结论；不停、不减、不追任何待遇。"),
    ("级别", "level", "红、橙、黄、蓝，从急到缓；决定核查期限。"),
    ("颜色", "colour", "一户需要哪一类帮助：赤、橙、黄、绿、青、蓝、紫。"),
    ("核查结果", "outcome", "人核实后的结论，必须写理由和姓名。"),
    ("撤回", "withdrawn", "条件不再成立（文件更正、已纳入、过了时限）时预警自动撤下，写明原因。"),
    ("抽样核查", "sample", "每周从救助规则没有列出的人和户里随机抽几个去看，估计规则漏了多少。不是预警。"),
    ("静默期", "snooze", "办结后不再提示的天数；情况明显加重例外。"),
    ("家庭", "household", "户主和名册把他与户主连在一起的成员。同一户主的几组是一户。"),
    ("退回的行", "set aside", "有必须改的错，这一行暂不使用，别的行照用。"),
    ("不在范围", "out of scope", "外部门名单中与救助无关的人：只计数，不保存、不检查。"),
    (
        "不完整",
        "incomplete",
        "名册有一部分退回、没有收下或没有读到，或退回的行太多：不在上面的人不算不在册，有关预警不新增也不撤回。",
    ),
    ("处理不了", "broken", "检查或建库时我们的程序在一份文件上出错：只扣住那一份，不是报送单位的错，旧的照用。"),
    ("骤减", "shrunken", "名册人数突然少了很多：先扣住，等数据员确认，旧名册照用。"),
    ("当晚", "night, D", "夜间任务的日期。年龄、期限、时限都算到这一天。"),
    ("授权核对", "authorisation", "家庭书面同意核对财产收入，在有效期内（样例为 24 个月）；没有授权的不核对。"),
)
"""Chinese, English in the code, meaning."""

_MISTAKES = (
    "身份证号被存成数字：后三位会变成 000，改格式也找不回来。号码列已设为“文本”，粘贴时请选“只粘贴值（文本）”。",
    "复制别的表整列粘贴：会带来别的格式和选项。粘贴时请选“选择性粘贴 → 值”。",
    "金额用错单位：表头写的是元就按元填，不要填万元。不知道、没查到的留空；确实没有才填 0。",
    "日期写成 2026.8 或 2026年8月：要写到日的请写到日；只写年月的列写成 2026-08。",
    "把两个人、两笔款合在一行，或在名单中间插小计、空行、备注行：一行只写一条。",
    "改表头、合并单元格、隐藏行：表头一个字都不用改，顺序可以变，用不着的选填列可以删。",
    "增加民族、宗教、政治面貌、照片、定位等列：按规定不接收，填了也会被删掉。",
)
REPLACE_WORDS = {
    "period": "同月的新名册整份代替旧的",
    "unit": "本单位的新名单整份代替旧的",
    "key": "同一条以后报的为准，没再报的保留",
}
"""What becomes of an older list when a new one comes, by `Kind.replace`."""
_LAST_ROW = 20_000
"""Down to this row the cells carry drop-downs and hints."""
_HEADER_ROW = 2
_MADE_AT = datetime(2000, 1, 1)  # noqa: DTZ001 - a fixed mark in the file, so that equal templates have equal bytes
_LINE = Side(style="thin", color="BFBFBF")
_BOX = Border(left=_LINE, right=_LINE, top=_LINE, bottom=_LINE)
_WRAP = Alignment(vertical="center", wrap_text=True)
_FONT = "微软雅黑"
_NUMBER_FORMATS: dict[Type, str] = {"money": "#,##0.00", "integer": "0", "decimal": "0.###"}


def write(kind: Kind, target: Path) -> None:
    """Write a blank workbook of a kind: one sheet to fill in, one that says how. Same contract, same bytes."""
    with atomically(target, mode=0o644) as part:
        part.write_bytes(content(kind))


def file_name(kind: Kind) -> str:
    """What a blank workbook of a kind is called."""
    return f"{_title_of(kind)}.xlsx"


def version(kinds: Mapping[str, Kind]) -> str:
    """Another one where any of these blank workbooks (name → of which kind) would be other bytes than before."""
    told = {id(kind): kind.model_dump_json() for kind in kinds.values()}
    made_by = [
        openpyxl.__version__,
        load().headers.instructions_sheet,
        hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
    ]
    lines = [f"{name} {told[id(kind)]}" for name, kind in sorted(kinds.items())]
    return hashlib.sha256("\n".join([*made_by, *lines]).encode()).hexdigest()


_made: dict[str, bytes] = {}


def content(kind: Kind) -> bytes:
    """The bytes of a blank workbook of a kind."""
    contract = kind.model_dump_json()
    if contract not in _made:
        _made[contract] = _content(kind)
    return _made[contract]


def _title_of(kind: Kind) -> str:
    return re.sub(r"[\\/?*:\[\]]", " ", kind.title)[:31]


def _content(kind: Kind) -> bytes:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = _title_of(kind)
    _form(sheet, kind)
    _instructions(book.create_sheet(load().headers.instructions_sheet), kind)
    return _bytes_of(book)


def _form(sheet: Worksheet, kind: Kind) -> None:
    month = "    数据月份：____年__月" if kind.period == "month" else ""
    sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=min(6, len(kind.columns)))
    _title(sheet, f"{kind.title}{month}")
    if month:
        hint = DataValidation(
            showInputMessage=True, promptTitle="数据月份", prompt="把年和月填上，如 2026年10月。一个文件只放一个月。"
        )
        hint.add("A1")
        sheet.add_data_validation(hint)
    sheet.row_dimensions[_HEADER_ROW].height = 34
    for at, (field, column) in enumerate(kind.columns.items(), start=1):
        letter = get_column_letter(at)
        text_format = _NUMBER_FORMATS.get(column.type, "@")
        sheet.column_dimensions[letter].width = max(12, min(34, _width(header(field, column)) + 4, 34))
        if column.type in ("id_number", "disability_number"):
            sheet.column_dimensions[letter].width = 24
        sheet.column_dimensions[letter].number_format = text_format
        back, front = _paint(column)
        _put(
            sheet, _HEADER_ROW, at, header(field, column),
            font=Font(name=_FONT, size=10, bold=True, color=front), fill=PatternFill("solid", fgColor=back),
            alignment=Alignment(horizontal="center", vertical="center", wrap_text=True),
        )  # fmt: skip
        example = _example(column, first=at == 1)
        shown = _put(sheet, _HEADER_ROW + 1, at, example, font=Font(name=_FONT, size=10, italic=True, color="808080"))
        shown.number_format = text_format
        rule = _rule(column)
        rule.add(f"{letter}{_HEADER_ROW + 1}:{letter}{_LAST_ROW}")
        sheet.add_data_validation(rule)
    sheet.freeze_panes = f"B{_HEADER_ROW + 1}"
    sheet.auto_filter.ref = f"A{_HEADER_ROW}:{get_column_letter(len(kind.columns))}{_HEADER_ROW}"
    _page(sheet)


def header(field: str, column: Column) -> str:
    """A column's header as printed: `*` when required, and the unit that amounts and lengths are in."""
    measures = {"_km": "公里", "_m2": "平方米"}
    unit = (
        column.unit if column.type == "money" else next((measures[end] for end in measures if field.endswith(end)), "")
    )
    return ("*" if column.required is True else "") + column.header + (f"（{unit}）" if unit else "")


def _paint(column: Column) -> tuple[str, str]:
    if column.required is True:
        return "C55A11", "FFFFFF"
    return ("F8CBAD", "000000") if column.required or column.required_column else ("E7E6E6", "000000")


def _example(column: Column, *, first: bool) -> str | int | float | None:
    if first and not str(column.example).startswith("示例"):
        return f"示例：{column.example or ''}"
    return column.example


def _rule(column: Column) -> DataValidation:
    """The drop-down or bound of a column's cells, with its hint. A list is at most 255 characters (tested)."""
    title = column.header[:32]
    prompt = TYPE_WORDS[column.type].format(unit=column.unit) + (
        f"。例：{column.example}" if column.example is not None else ""
    )
    shown: dict[str, Any] = {
        "allow_blank": True,
        "showInputMessage": True,
        "promptTitle": title,
        "prompt": prompt[:255],
    }
    stop = {"showErrorMessage": True, "errorStyle": "stop", "errorTitle": title}
    if column.type in ("code", "boolean"):
        words = allowed_words(column)
        softer = {"errorStyle": "warning"} if column.others else {}
        return DataValidation(
            type="list", formula1=f'"{",".join(words)}"', error=f"请从下拉列表选：{'、'.join(words)}"[:255],
            **(shown | stop | softer),
        )  # fmt: skip
    if column.type in ("money", "integer", "decimal"):
        scale = 100 if column.type == "money" else 1
        low, high = column.minimum, column.maximum
        bounds: dict[str, Any] = {
            "operator": "greaterThanOrEqual",
            "formula1": str(-(10**12) if low is None else low // scale),
        }
        if low is not None and high is not None:
            bounds = {"operator": "between", "formula1": str(low // scale), "formula2": str(high // scale)}
        said = f"请填数字。{TYPE_WORDS[column.type].format(unit=column.unit)}。"
        if high is not None:
            said += f"最多 {high // scale}。"
        sort = "whole" if column.type == "integer" else "decimal"
        return DataValidation(type=sort, error=said, **(shown | stop | bounds))  # type: ignore[arg-type]
    if column.type == "id_number":
        return DataValidation(
            type="textLength", operator="equal", formula1="18", error="应为 18 位。15 位旧号码可以照填。",
            **(shown | stop | {"errorStyle": "warning"}),
        )  # fmt: skip
    return DataValidation(**shown)


def allowed_words(column: Column) -> list[str]:
    """The words that a drop-down offers; none for columns that take anything."""
    if column.type == "boolean":
        return ["是", "否"]
    return [*column.codes, *([column.others] if column.others and column.others not in column.codes else [])]


def _instructions(sheet: Worksheet, kind: Kind) -> None:
    row = 1
    _title(sheet, f"{kind.title}：{sheet.title}")
    for text in (
        f"每一行：{kind.grain}。",
        f"用途：{'、'.join(PURPOSE_TITLES[purpose] for purpose in kind.purposes)}。依据：{kind.legal_basis}。不作他用。",
        "深橙色带 * 的列每行都要填；浅橙色的看“必填”一栏；灰色的有就填。灰字的示例行不算数据，可以留着，也可以删掉。",
    ):
        row += 1
        _wide(sheet, row, text)
    row += 2
    headings = ("列名", "必填", "填什么", "可以填的内容", "也认得的列名", "例子")
    for at, (text, width) in enumerate(zip(headings, (22, 14, 34, 34, 34, 22), strict=True), start=1):
        sheet.column_dimensions[get_column_letter(at)].width = width
        _put(
            sheet, row, at, text, font=Font(name=_FONT, size=10, bold=True), fill=PatternFill("solid", fgColor="D9E2F0")
        )
    for field, column in kind.columns.items():
        row += 1
        line = (
            header(field, column), required_words(kind, column), meaning_words(column), "、".join(allowed_words(column)),
            "、".join(column.aliases), "" if column.example is None else str(column.example),
        )  # fmt: skip
        for at, text in enumerate(line, start=1):
            _put(sheet, row, at, text)
        widths = (22, 14, 34, 34, 34, 22)
        lines = max(-(-_width(text) // (width - 1)) for text, width in zip(line, widths, strict=True))
        sheet.row_dimensions[row].height = 16 * max(1, lines) + 4
    for heading, texts in (("常见的错", _MISTAKES), ("交到哪里", _handing_in(kind))):
        row += 2
        _wide(sheet, row, heading, bold=True)
        for place, text in enumerate(texts, start=1):
            row += 1
            _wide(sheet, row, f"{place}. {text}")
    _page(sheet)


def _handing_in(kind: Kind) -> list[str]:
    said = ["存成 xlsx（不要用 et、wps、pdf，不要加密码），放进本单位的收件箱 inbox/<单位代码>/，或交给数据员。"]
    if kind.period == "month":
        said.insert(
            0,
            "在第一行填上数据月份（如 2026年10月）。每月报全部在册的，不是只报新增的；分乡镇报的，每个文件只报自己的。",
        )
    if kind.replace == "key":
        said.append("可以只报新增和有变化的；同一条再报一次，以后报的为准。")
    if kind.replace == "unit":
        said.append("每次报全部，新名单整份代替旧名单。")
    said.append("第二天看 returns/<单位代码>/ 里的退回件：标红的改好，改个文件就行，再放进收件箱，不用重新做表。")
    return said


def required_words(kind: Kind, column: Column) -> str:
    """Whether a column and its cells must be filled in, in Chinese."""
    if column.required is True:
        return "必填"
    if column.required:
        group = [each.header for each in kind.columns.values() if each.required == column.required]
        return f"{'、'.join(group)}至少填一列"
    return "列要有，可空" if column.required_column else "选填"


def meaning_words(column: Column) -> str:
    """What to write in the cells of a column, in Chinese."""
    said = [TYPE_WORDS[column.type].format(unit=column.unit)]
    if column.not_after == "night":
        said.append("不能晚于今天")
    if column.open_end:
        said.append("没有终止日期写“长期”")
    if column.maximum is not None:
        said.append(f"最多 {column.maximum // 100 if column.type == 'money' else column.maximum}")
    if column.else_from:
        said.append(f"整份都一样时，可以不填，在表名里写明{'或'.join(column.else_from)}")
    return "；".join(said)


def _put(sheet: Worksheet, row: int, column: int, value: str | float | None, **style: Any) -> Cell:
    """Write a value; a text is a text, whatever it begins with."""
    cell = cast(Cell, sheet.cell(row, column))
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"
        cell.quotePrefix = True
    cell.font = style.get("font") or Font(name=_FONT, size=10)
    cell.border = _BOX
    cell.alignment = style.get("alignment") or _WRAP
    if "fill" in style:
        cell.fill = style["fill"]
    return cell


def _title(sheet: Worksheet, text: str) -> None:
    cell = _put(sheet, 1, 1, text, font=Font(name=_FONT, size=13, bold=True), alignment=Alignment(vertical="center"))
    cell.border = Border()
    sheet.row_dimensions[1].height = 26


def _wide(sheet: Worksheet, row: int, text: str, *, bold: bool = False) -> None:
    """A sentence across the page."""
    sheet.merge_cells(start_row=row, start_column=1, end_row=row, end_column=6)
    cell = _put(sheet, row, 1, text, font=Font(name=_FONT, size=10, bold=bold))
    cell.border = Border()
    sheet.row_dimensions[row].height = 16 * -(-_width(text) // 150) + 4


def _width(text: str) -> int:
    """Width in half-width characters; a Chinese one takes two, as in GBK."""
    return len(text.encode("gb18030", "replace"))


def _page(sheet: Worksheet) -> None:
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = 9
    sheet.page_margins = PageMargins(left=0.4, right=0.4, top=0.5, bottom=0.5)
    sheet.page_setup.fitToWidth = 1
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _bytes_of(book: Workbook) -> bytes:
    """A workbook saved with one fixed time in place of the clock's, so that the same workbook has the same bytes."""
    book.properties.creator = "低收入人口动态监测"
    book.properties.created = _MADE_AT
    made, kept = io.BytesIO(), io.BytesIO()
    book.save(made)
    stamp = _MADE_AT.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    with zipfile.ZipFile(made) as source, zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as written:
        for name in source.namelist():
            body = source.read(name)
            if name == "docProps/core.xml":
                body = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + stamp, body)
            written.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), body, zipfile.ZIP_DEFLATED)
    return kept.getvalue()


def glossary(contracts: Contracts) -> str:
    """The page docs/glossary.md: the terms, and every record kind with its columns. Chinese, with the names in the code."""
    said = [
        "# 词汇和名单",
        "",
        "本页由 `pipeline/low_income/returns/templates.py` 从 `expectations/` 生成，不要手改；改了约定之后运行"
        ' `python -c "from low_income.returns import templates; templates.write_glossary()"`。',
        "",
        "## 名词",
        "",
        *_table(("中文", "代码和英文", "意思"), _TERMS),
        "",
        "## 名单",
        "",
        *_table(
            ("名单", "代码", "一行是什么", "谁报", "多久", "用途"),
            [
                (
                    f"[{kind.title}](#{name})", f"`{name}`", kind.grain, "、".join(kind.senders),
                    "每月" if kind.period == "month" else "随时", "、".join(PURPOSE_TITLES[each] for each in kind.purposes),
                )
                for name, kind in sorted(contracts.kinds.items())
            ],
        ),
    ]  # fmt: skip
    for name, kind in sorted(contracts.kinds.items()):
        said += ["", f'<a id="{name}"></a>', f"### {kind.title} `{name}`", ""]
        said += [f"- 依据：{kind.legal_basis}", f"- 用途：{'、'.join(f'`{purpose}`' for purpose in kind.purposes)}"]
        said += [f"- 判断重复的列：{'、'.join(kind.columns[field].header for field in kind.key)}"]
        said += [f"- 新旧：{REPLACE_WORDS[kind.replace]}"]
        if kind.is_partner:
            said.append("- 只保存救助对象的行，其余只计数")
        said += ["", *_table(("列名", "代码", "类型", "必填", "可以填的内容", "也认得的列名"), _column_lines(kind))]
    return "\n".join(said) + "\n"


def _column_lines(kind: Kind) -> list[tuple[str, ...]]:
    return [
        (
            header(field, column).lstrip("*"), f"`{field}`", f"`{column.type}`", required_words(kind, column),
            "、".join(allowed_words(column)), "、".join(column.aliases),
        )
        for field, column in kind.columns.items()
    ]  # fmt: skip


def _table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    rows = [headings, ["---"] * len(headings), *lines]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]


def write_glossary() -> None:
    """Write docs/glossary.md from the contracts of this checkout."""
    GLOSSARY.write_text(glossary(load()), encoding="utf-8")
