"""What partners send, as the specification names it: columns, other names, what is required, keys, words."""

import shutil

import pytest
from low_income.model import ContractError
from low_income.settings import contracts
from low_income.settings.contracts import Column, fold_header
from low_income.values.wording import explain
from low_income.values.words import spellings

KINDS = contracts.load().kinds

# Kind → (required columns, optional columns), each with its other names; the key's columns.
COLUMNS: dict[str, tuple[str, str, str]] = {
    "medical_expense": (
        "姓名 身份证号 结算时间 医疗费总额 个人负担总金额/个人自付费用", "就诊机构 医疗类别 统筹支付 大病保险支出 医疗救助支出",
        "身份证号 结算时间 就诊机构 医疗费总额 统筹支付 大病保险支出 医疗救助支出 个人负担总金额",
    ),
    "disability_certificate": ("姓名 身份证号 残疾人证号 残疾类别 残疾等级 发证日期", "证件状态", "残疾人证号"),
    "unemployment": ("姓名 身份证号 登记日期", "失业原因 状态", "身份证号 登记日期"),
    "social_insurance": (
        "姓名 社会保障号码/身份证号 参保状态 缴费月份 缴费基数（元）", "参保单位", "身份证号 缴费月份 参保单位",
    ),
    "pension": ("姓名 身份证号 发放月份 月养老金", "险种 待遇状态", "身份证号 险种 发放月份"),
    "student_status": ("姓名 身份证件号/身份证号 学段 学籍状态", "学校 年级 状态日期", "身份证号 状态日期"),
    "death_notice": ("姓名/逝者姓名 身份证号 死亡日期", "登记日期", "身份证号"),
    "real_estate": (
        "权利人/姓名 证件号/身份证号 不动产单元号/产权证号", "用途 建筑面积（平方米） 登记日期 共有情况", "证件号 不动产单元号",
    ),
    "vehicle": ("所有人/姓名 证件号 号牌号码 状态", "车辆类型 初次登记日期", "号牌号码 证件号"),
    "business_registration": (
        "统一社会信用代码 名称 主体类型 姓名/法定代表人 证件号 登记状态", "职务 注册资本（万元）/注册资本 成立日期",
        "统一社会信用代码 证件号 职务",
    ),
    "disaster_loss": (
        "户主/姓名 身份证号 灾害种类 发生时间 直接经济损失", "受灾人口 倒损房屋间数", "身份证号 灾害种类 发生时间",
    ),
}  # fmt: skip
WORDS = {
    ("social_insurance", "参保状态"): "参保缴费 暂停 终止",
    ("pension", "险种"): "城乡居民 企业职工 机关事业",
    ("pension", "待遇状态"): "正常 暂停 终止",
    ("student_status", "学段"): "小学 初中 高中 中职 大学",
    ("student_status", "学籍状态"): "在读 休学 退学 辍学 毕业",
    ("real_estate", "用途"): "住宅 商业 其他",
    ("vehicle", "车辆类型"): "小型轿车 小型客车 货车 摩托车 残疾人专用车 三轮车 拖拉机",
    ("vehicle", "状态"): "正常 注销 报废",
    ("business_registration", "主体类型"): "个体工商户 有限责任公司 股份有限公司 农民专业合作社",
    ("business_registration", "职务"): "法定代表人 股东 经营者 成员",
    ("business_registration", "登记状态"): "存续 注销 吊销",
    ("disability_certificate", "残疾类别"): "视力 听力 言语 肢体 智力 精神 多重",
    ("disability_certificate", "证件状态"): "正常 注销 冻结",
}
SENDERS = {
    "human_resources": {"unemployment", "social_insurance", "pension"}, "education": {"student_status"},
    "natural_resources": {"real_estate"}, "traffic": {"vehicle"}, "market_regulation": {"business_registration"},
    "emergency": {"disaster_loss"}, "medical_insurance": {"medical_expense"}, "disabled_federation": {"disability_certificate"},
    "civil_registration": {"death_notice"}, "health_commission": {"death_notice"},
}  # fmt: skip


# What divisions and the rural-revitalisation bureau send: (required, optional), each with its other names.
OWN: dict[str, tuple[str, str]] = {
    "dibao_household": (
        "户主姓名 户主身份证号/户主身份证号码 家庭人口/家庭人口数 保障人口/保障人口数 户月保障金额 最初享受月份/最初享受月",
        "家庭月总收入 家庭年总收入 家庭月均收入 家庭分类施保总额 偏远增发金额 合计 城乡类别 距团镇驻地距离/距离（公里） 是否边境"
        " 所属街道/乡镇/团镇/所属街(道) 所属社区/村/连队 家庭住址 联系电话 低保证号/低保（特困）证号 申请原因/致贫原因 上次复查时间"
        " 核对授权日期 开户银行 银行账号/银行帐号/一卡通账号",
    ),
    "dibao_person": (
        "姓名 身份证号/身份证号码/公民身份号码/证件号码 与户主关系",
        "户主身份证号 性别 出生日期 月收入 是否残疾 残疾类别 残疾等级 患病病种 是否重病 劳动能力 健康状况 就业状况 最初享受月份"
        " 个人分类施保金额/人员分类施保金额 联系电话",
    ),
    "tekun_person": (
        "姓名 身份证号 供养方式 生活自理能力 基本生活标准 纳入月份/最初享受月份",
        "性别 出生日期 供养机构 照料护理费用 所属街道 所属社区 户籍地址 上次复查时间 核对授权日期 联系电话",
    ),
    "edge_household": (
        "户主姓名 户主身份证号 家庭人口 家庭月均收入 纳入月份",
        "保障人口 城乡类别 有效期至 所属街道 家庭住址 联系电话 核对授权日期",
    ),
    "edge_person": ("姓名 身份证号", "户主身份证号 与户主关系 月收入 劳动能力 就业状况"),
    "temporary_grant": (
        "申请编号/受理编号 申请人姓名/姓名 申请人身份证号/身份证号 救助类型 困难类型/救助原因 受理日期/申请日期",
        "发放日期 救助金额/确定金额 救助人数 户籍所在地 居住地/家庭住址 所属街道 处理结果",
    ),
    "survey_household": (
        "户编号 户主姓名 户主身份证号 家庭人口 城乡类别 家庭年总收入 调查日期",
        "医疗自付支出 教育自付支出 残疾康复支出 其他刚性支出 是否有法定赡养抚养人 所属街道 所属社区 家庭住址 联系电话",
    ),
    "survey_person": ("户编号 姓名 身份证号 与户主关系", "劳动能力 就业状况 健康状况"),
    "poverty_return_monitoring": (
        "户编号 姓名 身份证号 监测对象类别 识别时间 风险是否消除", "与户主关系 风险类型 所属区 所属街道",
    ),
}  # fmt: skip
DRESSES = (
    "{}", "{}*", "＊{}", " {} ", "{}（元）", "{}(单位：元)", "{}/元",
)  # fmt: skip


def field_of(kind: str, header: str) -> str:
    return KINDS[kind].header_fields()[fold_header(header)[0]]


def test_every_partner_kind_is_tried_here():
    assert set(COLUMNS) == {name for name, kind in KINDS.items() if kind.is_partner}


@pytest.mark.parametrize("kind", sorted(COLUMNS))
def test_columns_are_known_by_each_of_their_names_and_required_where_the_list_cannot_do_without(kind):
    required, optional, key = (said.split() for said in COLUMNS[kind])
    for columns, is_required in ((required, True), (optional, False)):
        for names in columns:
            (field,) = {field_of(kind, name) for name in names.split("/")}
            assert KINDS[kind].columns[field].required is is_required, names
    places = {field_of(kind, header) for header in ("户籍地址", "现住址", "所属区", "所属街道")}
    named = {field_of(kind, names.split("/")[0]) for names in (*required, *optional)}
    assert set(KINDS[kind].columns) == named | places
    assert set(KINDS[kind].key) == {field_of(kind, header) for header in key}
    assert (KINDS[kind].replace, KINDS[kind].period) == ("key", "none")


def test_every_kind_is_tried_here():
    assert set(COLUMNS) | set(OWN) == set(KINDS)


@pytest.mark.parametrize("kind", sorted(OWN))
def test_own_lists_are_known_by_each_of_their_names(kind):
    for names, is_required in zip(OWN[kind], (True, False), strict=True):
        for together in names.split():
            columns = together.split("/")
            dressed = [dress.format(name) for name in columns for dress in DRESSES if not name.endswith(("）", ")"))]
            (field,) = {field_of(kind, header) for header in [*columns, *dressed]}
            assert (KINDS[kind].columns[field].required is True) is is_required, columns


@pytest.mark.parametrize(("kind", "header"), sorted(WORDS))
def test_words_are_read_as_themselves(kind, header):
    column = KINDS[kind].columns[field_of(kind, header)]
    assert set(column.codes) == set(WORDS[kind, header].split())
    read = spellings(column)
    assert [read[word] for word in WORDS[kind, header].split()] == WORDS[kind, header].split()


def test_each_bureau_sends_its_own_lists():
    partners = {name: kind for name, kind in KINDS.items() if kind.is_partner}
    sent = {
        sender: {name for name, kind in partners.items() if sender in kind.senders}
        for kind in partners.values()
        for sender in kind.senders
    }
    assert sent == SENDERS


# wrong edits -----------------------------------------------------------------------------------------------------

GRANT = "kinds/temporary_grant.yml"
OF_A_UNIT = "sources/d02_dibao_person.yml"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (GRANT, "columns:\n", "columns: 无\nrest:\n", "columns：应是“键: 值”的列表（半角冒号，后面空一格）（第 13 行）"),
        (GRANT, "codes: {小额: [], 大额: []}", "codes_of: 5", "columns.size_class.codes_of：没有 5 的代码表（第 18 行）"),
        (GRANT, "codes: {小额: [], 大额: []}", "codes_of: a.b", "columns.size_class.codes_of：没有 a.b 的代码表（第 18 行）"),
        (GRANT, "persons: {header", "1: {header", "columns 的键 1：应是文字（数字请加引号）（第 23 行）"),
        (GRANT, "marks: granted_on", "marks: granted", "checks 第 1 项的 marks：没有 granted 这一列（第 32 行）"),
        (GRANT, "column_B: accepted_on", "column_B: acepted_on", "checks 第 1 项的 kwargs.column_B：没有 acepted_on 这一列（第 31 行）"),
        (GRANT, "key: [application_no]", "key: [no]", "key 第 1 项：没有 no 这一列（第 12 行）"),
        (GRANT, "key: [application_no]", "key: []", "key：不能是空的（第 12 行）"),
        (GRANT, "name: name}", "name: nane}", "person.name：没有 nane 这一列（第 11 行）"),
        (GRANT, "aliases: [申请日期]", "aliases: [姓名]", "columns.accepted_on：列名 姓名 已经是 name 的（第 20 行）"),
        (GRANT, "period: none\n", "period: none\nperiod: none\n", "读不了：重复的键 period（第 8 行）"),
        (GRANT, "title: ", "name: other\ntitle: ", "name：种类的名字就是文件名，不另写（第 1 行）"),
        (OF_A_UNIT, "dibao_person", "dibao", "kind：没有 dibao 这个种类（第 2 行）"),
        (GRANT, "checks:\n", "checks:\n  - {rule: granted_not_before_accepted, expect: a, kwargs: {}, marks: name, severity: confirm, "
         "message: b, fix: c}\n", "checks 第 2 项的 rule：granted_not_before_accepted 这个名字写了两次（第 30 行）"),
        (OF_A_UNIT, "证号: id", "证号：id", "headers.民政对象证号：id_number：键和值没有分开：中间要用半角冒号，后面空一格（第 4 行）"),
        (OF_A_UNIT, "证号: id", "证号:id", "headers.民政对象证号:id_number：键和值没有分开：中间要用半角冒号，后面空一格（第 4 行）"),
        (OF_A_UNIT, "unit: d02", "unit: d20", "unit：文件名应是 d20_dibao_person.yml：哪个单位的哪种名单（第 1 行）"),
        (OF_A_UNIT, "kind: dibao_person", "kind: tekun_person", "unit：文件名应是 d02_tekun_person.yml：哪个单位的哪种名单（第 1 行）"),
        (OF_A_UNIT, "民政对象证号: id_number", "姓 名: id_number", "headers：列名 姓 名 已经是 name 的，不能再说成 id_number（第 4 行）"),
        (OF_A_UNIT, "id_number}", "idnumber}", "headers：dibao_person 没有这些列：idnumber（第 4 行）"),
        (OF_A_UNIT, "checks: []", "checks: [{rule: a, expect: b, kwargs: {}, marks: c, severity: confirm, message: d, fix: e}]",
         "checks 第 1 项的 marks：dibao_person 没有 c 这一列（第 5 行）"),
    ],
)  # fmt: skip
def test_a_wrong_edit_is_told_with_its_place(tmp_path, file, old, new, said):
    folder = tmp_path / "expectations"
    shutil.copytree(contracts.EXPECTATIONS, folder)
    (folder / OF_A_UNIT).parent.mkdir(exist_ok=True)
    (folder / OF_A_UNIT).write_text(
        "unit: d02\nkind: dibao_person\nreason: 导出时的叫法\nheaders: {民政对象证号: id_number}\nchecks: []\n",
        encoding="utf-8",
    )
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ContractError) as refused:
        contracts.load(folder)
    assert str(refused.value).endswith(f"{file.split('/')[1]}{'：' if said.startswith('读') else ':'}{said}")


def column_of(*codes: str) -> Column:
    return Column(header="类别", type="code", codes={code: [] for code in codes})


@pytest.mark.parametrize(
    ("count", "said"), [(8, "类1、类2、类3、类4、类5、类6、类7、类8"), (9, "类1、类2、类3、类4、类5、类6、类7、类8等")]
)
def test_a_message_names_eight_codes_and_says_when_there_are_more(count, said):
    message, fix = explain("not_in_list", column_of(*(f"类{number}" for number in range(1, count + 1))))
    assert said in message + fix and f"{said}等" not in message + fix


def test_a_code_of_one_digit_is_read_with_and_without_its_zero():
    assert spellings(column_of("1", "02", "10")) == {
        "1": "1", "01": "1", "1.0": "1", "02": "02", "2": "02", "2.0": "02", "10": "10", "10.0": "10",
    }  # fmt: skip
