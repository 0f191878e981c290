"""The clerk's message for a problem in a cell: the value, what is wrong, one action, an example, the consequence.

It has all problem codes of `low_income.values`, and those that judging rows adds. A message never gives the right check
character: with it, people could invent numbers.
"""

from __future__ import annotations

from decimal import Decimal

from low_income.settings.contracts import Column, Type

_ID_EXAMPLE = "990101198605011237"
_EXAMPLES: dict[Type, str] = {
    "name": "张三", "id_number": _ID_EXAMPLE, "text": "", "date": "2024-01-05", "month": "2024-01", "money": "1234.50",
    "integer": "3", "decimal": "12.5", "boolean": "是", "code": "", "township": "", "place": "",
    "disability_number": f"{_ID_EXAMPLE}42",
}  # fmt: skip
_WRITE: dict[Type, str] = {
    "name": "请填写姓名", "id_number": "请填写18位公民身份号码", "text": "请填写", "date": "请写清年、月、日",
    "month": "请写清年和月", "money": "请只填数字，以{unit}为单位", "integer": "请只填整数", "decimal": "请只填数字",
    "boolean": "请填“是”或“否”", "code": "请填其中一种：{codes}", "township": "请填写本单位的街道或乡镇名称",
    "place": "请填写街道或乡镇名称", "disability_number": "请填写20位残疾人证号",
}  # fmt: skip
_SET_AS_TEXT = "请先把整列设为“文本”格式，再按原件重新录入，只改格式找不回来"
_BY_ORIGINAL = "请对照证件逐位核对后改正"

_WORDS: dict[str, tuple[str, str, str]] = {
    # The number.
    "stored_as_number": ("被表格当成了数字，末尾几位已丢失", _SET_AS_TEXT, "整列设为文本后按证件重录号码"),
    "one_digit_missing": ("少了一位", _BY_ORIGINAL, "对照证件补齐号码"),
    "digits_missing": ("位数不够", _BY_ORIGINAL, "对照证件补齐号码"),
    "digits_extra": ("多了数字", _BY_ORIGINAL, "对照证件删去多出的数字"),
    "disability_number": ("是残疾人证号，不是身份证号", "请填前18位的公民身份号码，并与身份证核对", "改填身份证号"),
    "characters": ("里有不该出现的字符", _BY_ORIGINAL, "对照证件改正号码"),
    "birth_date": ("里的出生日期（第7至14位）不是真实日期", _BY_ORIGINAL, "对照证件核对号码中的出生日期"),
    "check_digit": ("校验不通过，多半抄错一位或两位颠倒", _BY_ORIGINAL, "对照证件逐位核对号码"),
    "type_or_level": ("末两位不是残疾类别（1至7）和等级（1至4）", "请对照残疾人证核对后改正", "对照残疾人证核对证号末两位"),
    # Dates and months.
    "ambiguous_month": ("分不清是1月还是10月", "请写成带两位月份的样子", "把月份写成两位"),
    "ambiguous_date": ("看不出年、月、日各是哪个", "请按四位年、月、日的顺序写", "按四位年-月-日重写日期"),
    "no_day": ("只有年月，没有日", "请补上日", "补上日"),
    "no_month": ("只有年份，没有月份", "请补全", "补上月份"),
    "zero_day_or_month": ("月或日是00", "请填写真实的月和日", "把00改成真实的月日"),
    "no_such_day": ("没有这一天", "请核对后改正", "改成真实存在的日期"),
    "in_future": ("晚于今天，还没有发生", "请核对年份和月份后改正", "核对晚于今天的日期"),
    "no_end": ("在这一列不能表示日期", "请填写具体日期", "填写具体日期"),
    # Amounts.
    "unit_conflict": ("没有写单位，而列名里的单位不是元也不是万元", "请把列名里的单位改对，或在这一格写上元或万元", "写明金额的单位"),
    "unit_unsaid": ("没有写单位，而这一列里有的写了万元", "请在列名里写明单位，或在每一格写上元或万元", "写明金额的单位"),
    "too_many_decimals": ("超过两位小数", "请四舍五入到分", "金额保留两位小数"),
    "not_whole": ("不是整数", "请核对后填整数", "改成整数"),
    "too_small": ("{minimum}，不合理", "请核对后改正", "核对过小的数"),
    "too_large": ("{maximum}，不合理", "请核对有无多打位数或弄混元和万元", "核对过大的数"),
    # Words.
    "not_yes_or_no": ("不是“是”或“否”", "请填“是”或“否”", "改填是或否"),
    "lost_character": ("里有字没有传过来", "请对照证件补上这个字", "补上姓名里丢失的字"),
    "private_use": ("里有自造字，换一台电脑可能显示不出来", "已原样保留；能打出正式的字就请改正", "核对姓名里的自造字"),
    "rare_character": ("里有生僻字", "已原样保留，请对照证件核对没有打错", "核对姓名里的生僻字"),
    "not_in_list": ("不在可选项内", "请改为：{codes}", "改成可选的一种（{codes}）"),
    "unreadable": ("认不出来", "{write}", "按样例重写"),
    # Problems found when rows are judged.
    "unknown_township": ("不是已知的街道或乡镇", "请填写全称", "改成街道或乡镇的全称"),
    "other_division": ("属于别的单位", "请核对；不是本单位的请删去这一行", "删去别的单位的行或改正街道"),
    "sex_contradicts": ("与身份证号第17位表示的性别不符", "请对照证件核对性别和身份证号", "核对性别和身份证号"),
    "birth_contradicts": ("与身份证号里的出生日期不符", "请对照证件核对出生日期和身份证号", "核对出生日期和身份证号"),
}  # fmt: skip
"""Problem → (what is wrong with the value, the one action, heading of the group)."""
_OF_MONTHS = {"no_such_day": ("没有这个月，或没有这一天", "请核对后改正", "改成真实存在的月份")}
"""Other words for a column of months, where a full date may be written as well."""

_WHOLE_MESSAGES: dict[str, tuple[str, str]] = {
    "error_value": (
        "“{{header}}”这一格是公式错误（如 #N/A），没有结果。请改正公式，或直接填数值。{consequence}",
        "改正公式错误",
    ),
    "formula_without_value": (
        "“{{header}}”这一格的公式没有算出结果。请用表格软件打开并保存后再报，或直接填数值。{consequence}",
        "把公式改成数值",
    ),
    "blank": ("“{{header}}”{{said}}。{write}{example}。{consequence}", "补填“{title}”"),
    "no_number_yet": (
        "“{{header}}”{{said}}。{write}{example}。新生儿等还没有登记号码的，在退回件“问题清单”的这一行选“是”，写上原因和确认人，"
        "就先作为本户成员接收。{consequence}",
        "补填“{title}”；还没有号码的写明原因",
    ),
    "household_unknown": (
        "“{{header}}”{{said}}，而与户主关系不是户主，不知道属于哪一户。请补填户主的身份证号。改好前这一行不收。",
        "补填户主身份证号",
    ),
    "differing_twin": (
        "“{{header}}”填的“{{value}}”与{{others}}重复，内容却不同。请核对，只留正确的一行。改好前这几行都不收。",
        "重复且不一致的行只留一行",
    ),
    "ragged_line": (
        "这一行的列数与表头对不上，内容里多半夹着分隔符。请把夹着分隔符的内容放进双引号，或删去多余的分隔符。改好前这一行不收。",
        "使每行的分隔符与表头对齐",
    ),
    "cut_line": (
        "这是文件的最后一行，内容到一半就断了，文件多半没有传完。请重新导出，完整地再交一次。改好前这一行不收。",
        "重新导出，完整地再交一次",
    ),
    "unreadable_bytes": (
        "“{{header}}”这一格有读不出来的字，现在读成“{{value}}”，多半是导出时截掉了半个汉字。请对照原件补全。{consequence}",
        "补全读不出来的字",
    ),
    "stored_elsewhere": (
        "“{{header}}”是备注型字段，这一格的内容不在 .dbf 文件里，读不到。请把表导出为 .xlsx 后重新提交，号码列设为文本格式。{consequence}",
        "备注型字段请导出为 .xlsx 再交",
    ),
    "garbled": (
        "“{{header}}”填的“{{value}}”是乱码：转换文件时文字编码弄错了。请在原系统里重新导出，或对照证件改正。{consequence}",
        "改正乱码的姓名",
    ),
    "identical_twin": (
        "这一行与{{others}}完全相同，只计一次。可以删去一行，不删也不影响。",
        "删去重复的行",
    ),
}
FLAGS = frozenset({"lost_character", "private_use", "rare_character"})
"""Codes of values that are kept, while the sender is asked about them."""
_WITH_EXAMPLE = frozenset({
    "ambiguous_month", "ambiguous_date", "no_day", "no_month", "unreadable", "too_many_decimals", "unit_conflict", "no_end",
})  # fmt: skip
PROBLEMS = frozenset(_WORDS) | frozenset(_WHOLE_MESSAGES)
"""Every code that `explain` knows."""


def explain(problem: str, column: Column) -> tuple[str, str]:
    """The message for a cell and the heading of its group, in Chinese.

    The message is a template with `{header}` (the sender's own) and `{value}` (the sender's text, shortened by the
    caller to at most 40 characters). For blank cells it has `{said}` (没有填, or the mark for "no value" in the cell), for
    twins also `{others}` (the places of the other rows). With real values it has under 120 characters.
    Raises KeyError for a code that is not in PROBLEMS.
    """
    facts = {
        "title": column.header,
        "write": _WRITE[column.type].format(unit=column.unit, codes=_codes(column)),
        "example": f"，例：{_EXAMPLES[column.type]}" if _EXAMPLES[column.type] else "",
        "codes": _codes(column),
        "minimum": f"小于{_bound(column, column.minimum)}" if column.minimum is not None else "太小",
        "maximum": f"大于{_bound(column, column.maximum)}" if column.maximum is not None else "太大",
        "consequence": _consequence(problem, column),
    }
    if problem in _WHOLE_MESSAGES:
        message, fix = _WHOLE_MESSAGES[problem]
        return message.format(**facts), fix.format(**facts)
    wrong, action, fix = _OF_MONTHS.get(problem, _WORDS[problem]) if column.type == "month" else _WORDS[problem]
    example = facts["example"] if problem in _WITH_EXAMPLE else ""
    message = f"“{{{{header}}}}”填的“{{{{value}}}}”{wrong}。{action}{example}。{{consequence}}"
    return message.format(**facts), fix.format(**facts)


def _consequence(problem: str, column: Column) -> str:
    if problem in FLAGS:
        return "这一行照收。"
    if column.required is not False or column.type == "id_number" or problem == "other_division":
        return "改好前这一行不收。"
    return "改好前这一格不作数，也不当作没有填。"


def _codes(column: Column) -> str:
    codes = list(column.codes)
    return "、".join(codes[:8]) + ("等" if len(codes) > 8 else "")


def _bound(column: Column, bound: int) -> str:
    return f"{Decimal(bound) / 100:f}元" if column.type == "money" else str(bound)
