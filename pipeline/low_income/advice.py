"""What a refusal tells its reader to do. All these sentences are here, so that a test can follow each of them once.

A sentence is used only where it is true and following it destroys nothing. A spreadsheet program that opens a text file or
a web page reads an 18-digit number as a quantity and replaces its last digits by 000. So the advice for such files is to
export again, or to import with the number column as text; never to open and save as .xlsx. A workbook of another format
keeps its text cells when it is saved as .xlsx. Sentences have no full stop at the end. Imports the standard library only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

# Workbooks -------------------------------------------------------------------------------------------------------

SAVE_AS_XLSX: Final = "请用 WPS 或 Excel 打开，另存为 .xlsx 格式后重新提交"
"""For workbooks only: their cells say which of them are text."""
SAVE_WITHOUT_MACROS: Final = "请用 WPS 或 Excel 打开，另存为不带宏的 .xlsx 格式后重新提交"
PASTE_INTO_NEW: Final = (
    "请用 WPS 或 Excel 打开，新建一个工作簿，只把数据粘贴过去（选择性粘贴，选“值和数字格式”），存成 .xlsx 后重新提交"
)
OURS_TO_MEND: Final = f"请等数据员答复。急用的可以试试：{PASTE_INTO_NEW}"
"""For a workbook that our own program could not read."""
SHOW_SHEET: Final = (
    "显示的办法：在 WPS 或 Excel 里右键点下方任意一个工作表名，选“取消隐藏”（WPS 里叫“取消隐藏工作表”），选中它后保存"
)
SHOW_VERY_HIDDEN_SHEET: Final = (
    "它是深度隐藏的，“取消隐藏”的菜单里看不到。显示的办法：在 Excel 里按 Alt+F11，在左边选中这张表，按 F4，"
    "把 Visible 一项改为“-1 - xlSheetVisible”，回到表格保存；没有 Excel 的，请从原系统重新导出"
)
UNLOCK: Final = "请去掉打开密码后重新提交"
UNLOCK_OLD: Final = "请去掉打开密码，取消“保护工作簿”，另存为 .xlsx 格式后重新提交"
"""An old workbook is encrypted when its structure is protected, even without a password to open it."""
REMOVE_FAR_CELLS: Final = "请按 Ctrl+End 找到最远的单元格，删除数据区以外的行和列，保存后重新提交"
MAKE_SMALLER: Final = "请删除数据区以外的行、列和格式，或把名单分成几个文件后重新提交"
"""For a workbook."""
CHECK_CONTENT: Final = "请确认导出成功、文件里有内容后重新提交"
SEND_AGAIN: Final = "请在自己的电脑上打开确认文件完好，重新保存后再提交一次；打不开的，请在原系统里重新导出"

# Text files, web pages, tables of other systems ------------------------------------------------------------------

EXPORT_AS_XLSX: Final = "请在原系统里重新导出为 .xlsx 格式，身份证号等号码列设为文本格式，再提交"
OURS_TO_EXPORT: Final = f"请等数据员答复。急用的可以试试：{EXPORT_AS_XLSX}"
"""For a file that our own program could not read and that may not be a workbook."""
EXPORT_IN_PARTS: Final = "请在原系统里把名单分成几个文件导出后重新提交"
"""For a file that is too large and may not be a workbook."""
EXPORT_AGAIN: Final = "请在原系统里重新导出，完整地再提交一次"
EXPORT_FIELDS: Final = "需要时请在原系统里导出为 .xlsx 格式，号码列设为文本格式，再提交"
"""For table columns whose content is not in the file, or not as text."""
EXPORT_UNLOCKED: Final = "请在原系统里导出不加密的表后重新提交"
_NEVER_OPEN: Final = "不要直接打开后另存为 .xlsx：号码的后三位会变成 000"
IMPORT_TEXT: Final = (
    "请在原系统里重新导出，编码选 UTF-8 或 GBK；或在 Excel、WPS 里新建工作簿，用“数据”里的导入文本（自文本/CSV），"
    f"选对编码，把身份证号等号码列设为文本，存成 .xlsx 后提交。{_NEVER_OPEN}"
)
"""For a text file that cannot be read as it is."""
EXPORT_WITH_COMMAS: Final = (
    "请在原系统里重新导出，列与列之间用半角逗号或制表符分隔，或直接导出为 .xlsx 格式、号码列设为文本格式"
)
FROM_WEB_PAGE: Final = (
    "请在原系统里重新导出为 .xlsx 或 .csv 格式；只能导出这一种的，把后缀改成 .html 用浏览器打开，复制整张表，在新建的工作簿里"
    f"先把所有单元格设为“文本”格式，再选择性粘贴为“文本”，存成 .xlsx 后提交。{_NEVER_OPEN}"
)
FROM_DOCUMENT: Final = (
    "请在原系统里导出为 .xlsx 格式；只有这份文件的，请新建工作簿，先把所有单元格设为“文本”格式，再把表格选择性粘贴为“文本”，"
    "存成 .xlsx 后提交"
)
"""For a file that is not a table: a text document, a picture, pages for printing."""
EXPORT_FROM_NUMBERS: Final = "请在 Numbers 里选“文件”→“导出为”→“Excel”，用导出的 .xlsx 重新提交"
UNPACK: Final = "请解压后把里面的表格直接放进来"
CHECK_ENCODING: Final = (
    "请在原系统里重新导出为 .xlsx 格式，号码列设为文本格式；只能导出文本的，编码选 UTF-8 或 GBK，提交前用记事本看一眼姓名是不是汉字。"
    "直接从数据库读取的，请数据员核对连接的字符集"
)
"""For text that was garbled before the file came to us."""
SPLIT_COLUMNS: Final = "请确认分隔符（逗号、制表符、分号或竖线）后重新导出"


def mend_quote(line: int) -> str:
    """For a text file with an opening quotation mark that is never closed; `line` is its physical line."""
    return f"请用记事本打开，检查第{line}行，删去多余的双引号，保存后重新提交。{_NEVER_OPEN}"


# The content of a list -------------------------------------------------------------------------------------------

NAME_COLUMNS: Final = "请按空白模板（在本单位退回文件夹的“空白模板”里）的写法改正或补上这些列名后重新提交"
WRITE_HEADER: Final = (
    "请在数据上方用一行写明列名（如姓名、身份证号），写法见空白模板（在本单位退回文件夹的“空白模板”里）"
)
ANOTHER_SENDER: Final = "请核对是否放错了文件夹；确需报送的，请联系数据员"


def say_whose(where: str, own: str, others: Sequence[tuple[str, str]]) -> str:
    """For a list in the folder of the division `own` whose title or name (`where`) names only places of `others`, (code, name) each."""
    names, folders = "或".join(name for _, name in others), "、".join(code for code, _ in others)
    return (
        f"是{names}的名单，请由{names}放进自己的文件夹（{folders}）；"
        f"是{own}的名单，请把{where}里的地名改成“{own}”后重新提交"
    )


RENAME_SHEET: Final = (
    "请把这张工作表改成不写这些内容的名字（如“Sheet1”，或这份名单的名称），表里的行不用动，保存后重新提交"
)
KEEP_ONE_COLUMN: Final = "请只保留一列，删去或改名其余的列后重新提交"
JOIN_HEADER: Final = "请把表头合成一行：每一列的列名都写在同一行里，取消合并单元格，再重新提交"
MOVE_TABLE_TO_SHEET: Final = (
    "请把右边的表连同表头剪切到一张新的工作表里，把标题也抄过去，一张工作表只放一个表，再重新提交"
)
MOVE_TABLE_TO_FILE: Final = "请把右边的表连同标题、表头另存为一个文件，一个文件只放一个表，再重新提交"
SEPARATE_TABLES: Final = "请把两个表分到两张工作表后重新提交"
FILL_ROWS: Final = "请填好数据后重新提交"
NAME_MONTH: Final = "请在表头上方的标题里写明月份（如“2026年10月”），或加一列“数据月份”"
WRITE_MONTH: Final = "请把这一列设为文本格式，写成“2026-10”的样子后重新提交"
ONE_MONTH_EACH: Final = "每个文件只放一个月的名单，请按月份分开后重新提交"


def say_which_kind(titles: Sequence[str], *, is_table: bool, is_said: bool) -> str:
    """For a list whose columns fit several kinds equally; `titles` in quotation marks. `is_said`: title and names say more than one."""
    one = "或".join(titles)
    if is_table:
        return f"请数据员在 monitor.yml 里把这个数据库来源的名称改成只带{one}字样的"
    if is_said:
        only = "，或".join(f"只写{title}" for title in titles)
        return f"请核对是哪一种名单，把标题、工作表名和文件名改成一致的说法（{only}）后重新提交"
    return f"请核对是哪一种名单，在表头上方的标题、工作表名或文件名里写上{one}（只写一种）后重新提交"


def show_and_send(how: str) -> str:
    """For a file whose list is on a hidden sheet; `how` is SHOW_SHEET or SHOW_VERY_HIDDEN_SHEET."""
    return f"请把它显示出来，核对后重新提交。{how}"


SEND_AGAIN_WHEN_MENDED: Final = "不用改。等数据员说程序修好了，把原来的文件再放进来一次"
"""For a filled-in list on which our own program fails."""


def try_again(submission_id: str) -> str:
    """For a submission that is held because our own program fails on it; addressed to the data officer."""
    return (
        f"程序修好以后运行 monitor confirm {submission_id} --by 姓名 --because 原因，当夜再试一次；"
        "等不及的，请报送单位去掉那一行，用原来的文件名再交"
    )


# The folder and the way in ---------------------------------------------------------------------------------------

COPY_FILE_ITSELF: Final = "请把文件本身复制进来"
COPY_AS_OWN_ACCOUNT: Final = (
    "请用本单位的账户重新复制一份放进来；账户没有错的，请数据员改好文件夹的所有者。原处的文件没有动"
)
USE_FLAT_FOLDER: Final = "请把文件直接放进本单位的文件夹，不要再套文件夹"
GIVE_ACCESS: Final = "请重新复制一份放进来，或请数据员改好权限；原处的文件没有动，改好后当夜自动收取"
COPY_AGAIN: Final = "请重新复制一份放进来，并请数据员检查磁盘；原处的文件没有动"

SEND_WHOLE: Final = (
    "请把完整的文件用不带这个后缀的名字（如“名单.xlsx”）重新放进来，下一夜照常收；半份的确认无用后可以删除"
)
GIVE_NAME_OF_LIST: Final = (
    "里面若有要报的名单，请另用以 .xlsx、.xls、.csv、.txt 或 .dbf 结尾的名字放进来；无用的可以删除"
)
NEED_NOT_ACT: Final = "不必处理，也可以删除"
SEND_TABLE_ITSELF: Final = (
    "要报的是同名的 .dbf 表，报过的不必处理；备注型字段的内容要报的，请把表导出为 .xlsx，号码列设为文本格式"
)
USE_PLAIN_NAME: Final = (
    "里面若有要报的名单，请另用不以“.”“~”开头、以 .xlsx、.xls、.csv、.txt 或 .dbf 结尾的名字，放在单位自己的文件夹里；"
    "没有的不必处理"
)
"""For a file that a program left: its name begins or ends with marks, or it is in a folder of a program."""
BRING_THE_FILE: Final = "请核对这份文件是不是还没有传上来"
EXPORT_AS_READ: Final = "请在原系统里导出为 .xlsx、.xls、.csv、.txt 或 .dbf 格式的名单后重新提交"


def name_which_holds(names: Sequence[str]) -> str:
    """For a list of mostly the same people as an earlier one; under one of `names` it would replace that one."""
    either = "或".join(f"“{name}”" for name in names)
    return f"如果这份是更正，请用文件名{either}再交；如果是另一部分，请去掉重复的人员后再交"


def add_ending(ending: str) -> str:
    """For a list whose file name has no known ending; `ending` is the right one for its content."""
    return f"请在文件名末尾加上“{ending}”后重新提交"


def use_own_folder(known: str) -> str:
    """For an inbox folder that belongs to no configured unit; `known` lists the configured units."""
    return f"请放进单位自己的文件夹。已配置的单位：{known}"


# Workbooks of ours that come back --------------------------------------------------------------------------------

SAVE_LIST_AGAIN: Final = "请重新打开清单，另存为 xlsx 后再交"
USE_OUR_LIST: Final = "请用发下去的清单填写，保留标题行和编号列，存成 xlsx 再交"


def use_inbox_of_lists(unit_code: str) -> str:
    """For a filled-in warning list that is among the data files; `unit_code` is '' where the unit is not known."""
    where = f" decisions/inbox/{unit_code}/" if unit_code else " decisions/inbox 里本单位的文件夹"
    return f"请把填好的清单放进{where}，不要放进收件箱"


MEND_ORIGINAL: Final = "请改好原文件后整份再交"
CORRECT_OWN_FILE: Final = "请放进报送原表的那个单位的收件箱，或改好原表后整份再交"
CORRECT_AS_IT_CAME: Final = "请在退回的更正表上重填：可以删去不改的行，不要加行，也不要改“原工作表”“原行号”、列名和工作表名；或改好原表后整份再交"
CORRECT_AS_XLSX: Final = (
    "更正表请存成 .xlsx 再放回来：请在退回的那份更正表上填，填好直接保存，不要存成别的格式，也不要把内容复制到别的工作簿里；"
    "已经存成文本的不要再打开另存：号码的后三位会变成 000"
)
"""For a correction workbook without its sheet 更正依据."""
CORRECT_LATEST: Final = "请在最新退回的更正表上更正，或改好原表后整份再交"
EMPTY_NO_ROW: Final = "要从原表去掉一行，请在“去掉这一行”选“是”；不改的，请把它从更正表里整行删去，或填回原来的内容"
"""For rows of a correction workbook that a person emptied."""
CHANGE_COLOURED: Final = (
    "请改好有颜色的格后再放回；要从原表去掉一行，请在“去掉这一行”选“是”，不要删行：删去的行保持原样"
)
