"""The words of a warning list: levels, colours, outcomes, and the texts of sheet 说明.

They are apart from the layout, because a filled-in list is read back by the same words.
"""

import csv

from low_income.model import ROOT

REGISTRY_TITLES = {"dibao": "低保", "tekun": "特困", "edge": "低保边缘", "temporary": "临时救助"}
"""Registry → its everyday name."""

LEVEL_TITLES = {"red": "红色", "orange": "橙色", "yellow": "黄色", "blue": "蓝色"}
"""Level → its name, most urgent first."""

STATE_TITLES = {"open": "待核查", "verifying": "核查中", "closed": "已办结"}
"""State of a warning → its name."""

CHANGE_TITLES = {"new": "新增", "worse": "加重", "same": "不变"}
"""How a household's warnings changed since the night before → its name."""

REGISTRY_CHECK_TITLES = {
    "enrolled": "在册", "not_enrolled": "不在册", "cannot_tell": "不能确认", "not_current": "没有最新的名册，不能确认",
}  # fmt: skip
"""Answer of a registry about a person → its name."""


def _choices(name: str) -> dict[str, tuple[str, str]]:
    with (ROOT / "sql" / "published" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return {line[name]: (line["title"], line["hint"]) for line in csv.DictReader(file)}


OUTCOME_TITLES = {outcome: title for outcome, (title, _) in _choices("outcome").items()}
"""Outcome → the word that is chosen in 核查结果. `verifying` is no final outcome: a person is still checking."""

WARNING_NUMBER = "预警编号"
"""The column that ties a filled-in line to its warning, also after lines were moved or sorted."""

FILLED_IN = ("核查结果", "处置措施", "核查人", "核查日期", "说明")
"""The columns that staff fill in, in order."""

SAMPLE_NUMBER = "抽样编号"
"""The column that ties a filled-in line of sheet 抽样核查 to its sample."""

ANSWER_TITLES = {answer: title for answer, (title, _) in _choices("answer").items()}
"""Answer about who is who → the word for it that is chosen in 判断."""
ANSWER_HINTS = {answer: hint for answer, (_, hint) in _choices("answer").items()}

QUESTION_NUMBER = "疑问编号"
"""The column that ties a filled-in line of sheet 身份疑问 to its question."""

JUDGED = ("判断", "判断人", "判断日期", "理由")
"""The columns of sheet 身份疑问 that staff fill in, in order."""

MEASURES = (
    "已协助申请低保", "已协助申请特困供养", "已协助申请低保边缘认定", "已办理临时救助", "已落实分类施保或增发",
    "已转介其他部门", "已安排服务或探访", "已更正上报数据", "按程序复核中", "继续关注",
)  # fmt: skip
OUTCOME_HINTS = {outcome: hint for outcome, (_, hint) in _choices("outcome").items()}
LEVEL_HINTS = {
    "red": "最急：可能正在断炊、断药或无处可住，或已去世仍在册。最先上门",
    "orange": "急：遇到大额支出、失学、受灾等，很可能需要帮助",
    "yellow": "较急：有困难的迹象，或应落实的待遇没有落实",
    "blue": "一般：核对金额、比例或期限，可与日常复核一起办",
}
WHAT_IT_IS = (
    (
        "是什么",
        "把各部门报来的名单放在一起比对，发现“可能需要帮助却还没得到帮助”或“需要再问一问”的家庭，请工作人员去核实。",
    ),
    (
        "不是什么",
        "不是认定结果，更不是处理决定。没有人因为这张表被停发、减发或追回待遇；是否帮、怎么帮，由人核实后决定。",
    ),
    (
        "会不会错",
        "会。名单可能有迟报、错填、抄错号码。每条都写了“可能不准的情形”，核实前先排除；当事人可以提供的材料也写在那里。",
    ),
    (
        "保密",
        "表中是困难群众的个人信息，只给经办人看，不转发、不张贴、不发群。证件号码一般只显示头尾；只有本单位名单上没有的人才显示全号，以便找到本人。",
    ),
)
HOW_TO_FILL = (
    ("先看“户”页", "从上往下办，最急的在最上面。“户序号”与“预警”页相同，一次上门把同一户的几条一起核实。"),
    (
        "再填“预警”页",
        "只填黄色标题的五列。核查结果从下拉列表选；选了结果就要写核查人和说明（理由）；核查日期不写，按收到那天算。",
    ),
    ("可以做", "可以筛选、排序、隐藏列、删掉没办的行，可以分给几个人分别填、分几次交回。打印时只印到“说明”列。"),
    ("不要改", "不要改“预警编号”列，交回时靠它对上是哪一条；没有编号或编号不对的行会退回并说明原因。"),
    (
        "交回",
        "存成 xlsx，放进 decisions/inbox/{code}/ 文件夹（或交给市局数据员）。第二天的清单里，已办结的不再出现，核查中的带着已填的内容；"
        "对不上的行退回到 returns/{code}/，写明原因。",
    ),
    ("会不会再出现", "办结的预警不会天天重报；情况明显加重，或过了静默期仍然成立，才会再次出现。"),
)
with (ROOT / "sql" / "published" / "age_band.csv").open(encoding="utf-8", newline="") as _file:
    AGE_TITLES = {line["band"]: line["title"] for line in csv.DictReader(_file)}
"""Age band → its name, youngest first."""
TOPIC_TITLES = {"files": "报送", "warnings": "救助、补差类预警", "outcomes": "核查结果"}
"""Topic of the table `silence` → its name."""
COVERAGE_TITLES = {
    "fresh": "按期",
    "late": "逾期未更新",
    "absent": "没有报送",
    "shrunken": "有一份扣着，待市局确认",
    "incomplete": "不完整",
}
LEVEL_COLOURS = {
    "red": ("#C00000", "#FFFFFF"), "orange": ("#F4B183", "#000000"), "yellow": ("#FFE699", "#000000"),
    "blue": ("#BDD7EE", "#000000"),
}  # fmt: skip
QUESTION_TITLES = {"pair": "疑似同一人", "name": "姓名争议"}
"""What a question is about → its name."""
WHO_IS_WHO = (
    ("是什么", "两条记录看来说的是同一个人，但号码不能证明；或者号码相同、姓名不同。系统不会自己合并，请人看了再定。"),
    (
        "怎么看",
        "一行一条，左边“甲方”是有疑问的那一行，右边“乙方”是已经认得的人；各写明在哪份文件、哪一页、哪一行。最上面的最要紧：判断以后清单变化最大。",
    ),
    (
        "怎么填",
        "只填黄色标题的四列：判断从下拉列表选，并写判断人和理由（看了什么材料）；判断日期不写，按收到那天算。与“预警”页一起交回。",
    ),
    (
        "可以改判",
        "已经判断的排在后面，带着原来的判断。改选、写上判断人和理由再交回，日期较晚的为准；改判以后一切恢复原样。",
    ),
    ("别忘了", "判断只管系统怎么认人，不会停发、减发任何待遇。退回的行仍要由报送单位改正号码或姓名后重报。"),
)
SAMPLED = (
    (
        "是什么",
        "每周从救助规则问过、没有列出的人和户里，用随机的办法抽几个，请人去看一看是不是也需要帮助。看的结果用来估计每条规则漏了多少人。",
    ),
    (
        "不是什么",
        "不是预警：没有级别、没有办理期限，不计入预警条数，也不说明这一家有什么可疑。抽到谁与他的情况无关，不要换成别人，换了就估计不准。",
    ),
    (
        "怎么填",
        "与“预警”页一样填黄色标题的五列，一起交回。需要帮助的，按帮了什么选；不需要帮助的，选“核实后不符合条件”；"
        "早就有了帮助的，选“此前已得到救助”。“列到”那天以后还没有结果的就失效，不再列出。",
    ),
    ("多久一次", "同一周里抽中的人不变，下一周另抽；抽过的人在静默期内不再抽。"),
)
HOUSEHOLD_COLOURS = {
    "赤": ("#C00000", "#FFFFFF", "有红色的救助类预警，先上门"),
    "橙": ("#F4B183", "#000000", "有橙色的救助类预警"),
    "黄": ("#FFE699", "#000000", "有黄色的救助类预警，或有应补未补"),
    "绿": ("#A9D08E", "#000000", "在低保或特困，没有待办预警"),
    "青": ("#9FE2E0", "#000000", "在低保边缘，没有待办预警"),
    "蓝": ("#BDD7EE", "#000000", "近十二个月只有临时救助"),
    "紫": ("#D9C3EC", "#000000", "只有待复核的疑问，没有救助类预警"),
}
"""Colour of a household → background, font, meaning (docs/rules.md, one line per household)."""
OPEN_COLOURS = ("赤", "橙", "黄", "紫")
"""The colours of households that have open warnings; a list holds only these."""
