"""No configuration loosens what the product never does: contracts that try to do not load, and the words are known by meaning."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from low_income.model import ContractError
from low_income.settings import contracts, floor
from low_income.settings.contracts import fold_header, load

HEADERS = load().headers


@pytest.fixture
def agreed(tmp_path: Path) -> Path:
    """A copy of expectations/ to be changed."""
    folder = tmp_path / "expectations"
    shutil.copytree(contracts.EXPECTATIONS, folder)
    return folder


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, old
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


# words ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "group"),
    [
        *((word, "民族") for word in ("族别", "族称", "是否汉族", "所属族群", "ethnicity", "Ethnic_Group", "ethnicCode", "nation", "minzu")),
        *((word, "宗教") for word in ("信教情况", "是否信教群众", "所信奉的", "religion", "伊斯兰", "天主教徒")),
        *((word, "政治面貌") for word in ("政治面目", "是否团员", "党组织关系", "政审结果", "家庭成分", "ZZMM", "political_status")),
        *((word, "生物特征") for word in ("人脸", "人脸识别码", "血型", "基因信息", "Blood Type", "bloodType", "blood-type", "face_id", "指静脉")),
        *((word, "照片") for word in ("人像", "住房图片", "入户录像", "photo", "全家福")),
        *((word, "行踪") for word in ("轨迹", "GPS经纬度", "GPS 经纬度", "经、纬度坐标", "家庭坐标", "lng", "latitude", "活动规律")),
        *((word, "通信") for word in ("话单", "抖音号", "IMEI", "上网记录", "weixin")),
        *((word, "出行") for word in ("签证", "行程卡", "火车票", "passport no", "住宿记录")),
        *((word, "违法犯罪") for word in ("违法记录", "案底", "信访", "有无案底", "上访次数", "涉毒", "社区矫正", "诉讼情况",
        "criminal_record", "重点人员")),
    ],
)  # fmt: skip
def test_what_is_never_stored_is_known_by_its_meaning(text: str, group: str) -> None:
    assert HEADERS.refusal_of(text) == group


@pytest.mark.parametrize("mark", ["_", "-", "·", ".", "\u200b", "\u00ad", "\u3164", "\U000e0100", " ", "*", "•"])
@pytest.mark.parametrize("word", ["民族", "族别", "人脸", "案底"])
def test_marks_and_characters_without_a_shape_hide_no_word(word: str, mark: str) -> None:
    assert HEADERS.refusal_of(mark.join(word)) is not None


@pytest.mark.parametrize("text", ["⺠族", "护照⻚", "⼈脸", "信教", "宗教", "ＱＱ", "ｐｈｏｔｏ"])
def test_nor_do_characters_that_look_alike(text: str) -> None:
    assert HEADERS.refusal_of(text) is not None


@pytest.mark.parametrize(
    "header",
    [
        "姓名", "国籍", "籍贯", "户籍派出所", "婚姻状况", "文化程度", "就业去向", "外出务工去向", "联系电话", "电子邮箱", "通讯地址",
        "通信地址", "邮政编码", "住房面积",
        "打卡发放金额", "档案号", "档案编号", "备案号", "方案号", "预警情况", "风险预警情况", "普通话水平", "就近照料", "诚信教育",
        "集团员工", "建立案卷", "支出行",
        "执行程序", "行政区划", "设备编号", "紧急呼叫器", "智能水表", "民政专干", "公民身份号码", "党参种植面积", "停车次数", "结合照顾",
        "银行卡号", "以上访谈",
        "照料护理", "个案件数", "档案件数", "协议履行程度", "收入境况", "困难群众", "一卡通", "惠民补贴", "城乡低保", "监护人姓名",
        "zip_code", "vip", "national_id", "shipping",
        "equipment", "adnan", "relation", "platform", "ratio", "name", "id_number", "gender", "birthday", "address", "location",
    ],
)  # fmt: skip
def test_common_headers_are_none_of_them(header: str) -> None:
    assert HEADERS.refusal_of(header) is None


def test_nothing_that_a_contract_asks_for_is_refused() -> None:
    for kind in load().kinds.values():
        for header in kind.header_fields():
            assert HEADERS.refusal_of(header) is None, (kind.name, header)


def test_short_names_count_in_tables_alone() -> None:
    assert HEADERS.refusal_of_column("MZ") == HEADERS.refusal_of_column("mzdm") == "民族"
    assert HEADERS.refusal_of_column("ZZMM") == "政治面貌" and HEADERS.refusal_of_column("族别") == "民族"
    assert HEADERS.refusal_of("MZ-2026-001") is None and HEADERS.refusal_of_column("mzj_id") is None


# headers.yml ---------------------------------------------------------------------------------------------------------


def test_a_bureau_adds_words_and_takes_none_away(agreed: Path) -> None:
    change(agreed / "headers.yml", "refused: {}", "refused: {民族: [支系], 另加: [星座]}")
    headers = load(agreed).headers
    assert (headers.refusal_of("民族支系"), headers.refusal_of("本人支系"), headers.refusal_of("星座")) == (
        "民族", "民族", "另加",
    )  # fmt: skip
    assert headers.refusal_of("政治面貌") == "政治面貌"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("refused_except: [民族]", "refused_except"),
        ("offices: [政治面貌]", "offices"),
        ('refused: {民族: [""]}', "不能是空的"),
        ('refused: {民族: ["\u200b"]}', "不能是空的"),
        ("refused: {收入: [家庭年总收入]}", "家庭年总收入"),
    ],
)
def test_headers_that_excuse_a_word_or_refuse_a_column_of_a_contract_do_not_load(
    agreed: Path, line: str, said: str
) -> None:
    change(agreed / "headers.yml", "refused: {}", line)
    with pytest.raises(ContractError, match=said):
        load(agreed)


def test_a_word_taken_out_of_the_program_does_not_load(agreed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, less in (
        ("REFUSED", {**floor.REFUSED, "民族": ["族别"]}),
        ("INNOCENT", [*floor.INNOCENT, "民族"]),
        ("OFFICES", [*floor.OFFICES, "党员"]),
        ("HELP_ONLY", floor.HELP_ONLY[1:]),
        ("FREE_TEXT", floor.FREE_TEXT[1:]),
        ("OWN_LISTS", floor.OWN_LISTS | {"vehicle"}),
        ("KINDS", {**floor.KINDS, "vehicle": floor.Limits(frozenset({"statistics"}))}),
        ("REVIEW_COLUMNS", {}),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(floor, name, less)
            load.cache_clear()
            with pytest.raises(ContractError, match="DIGEST"):
                load(agreed)
    load.cache_clear()
    assert load(agreed).kinds


# contracts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("dibao_person", "title: 低保人员", "title: 党员低保人员"),
        ("dibao_person", "titles: [低保人员", "titles: [少数民族低保人员, 低保人员"),
        ("dibao_person", "{header: 健康状况", "{header: 宗教信仰"),
        ("dibao_person", "{header: 健康状况,", "{header: 健康状况, aliases: [民\u200b族],"),
        ("dibao_person", "  health:", "  religion:"),
        ("dibao_person", "{男: [", "{汉族: [汉], 男: ["),
        ("dibao_person", "{男: [", "{男: [汉族男, "),
        ("dibao_household", "else_from: {城市低保: 城市", "else_from: {少数民族: 农村, 城市低保: 城市"),
    ],
)
def test_a_contract_that_declares_what_is_never_stored_does_not_load(
    agreed: Path, kind: str, old: str, new: str
) -> None:
    change(agreed / f"kinds/{kind}.yml", old, new)
    with pytest.raises(ContractError, match=rf"kinds/{kind}\.yml:.*按规定不接收"):
        load(agreed)


def test_nor_does_a_kind_by_its_name_or_a_header_of_one_unit(agreed: Path) -> None:
    (agreed / "sources").mkdir(exist_ok=True)
    source = agreed / "sources/d01_edge_person.yml"
    source.write_text("{unit: d01, kind: edge_person, reason: 试, headers: {族别: employment}}", encoding="utf-8")
    with pytest.raises(ContractError, match=r"d01_edge_person\.yml:headers：“族别”"):
        load(agreed)
    source.unlink()
    shutil.copy(agreed / "kinds/vehicle.yml", agreed / "kinds/police.yml")
    with pytest.raises(ContractError, match=r"police\.yml:title：“police”"):
        load(agreed)


@pytest.mark.parametrize("kind", ["medical_expense", "disability_certificate", "student_status", "disaster_loss"])
def test_illness_disability_schooling_and_disaster_never_serve_a_review(agreed: Path, kind: str) -> None:
    change(agreed / f"kinds/{kind}.yml", "purposes: [assistance", "purposes: [entitlement_review, assistance")
    with pytest.raises(ContractError, match=rf"{kind}\.yml:purposes"):
        load(agreed)


@pytest.mark.parametrize("kind", sorted(floor.KINDS))
def test_no_kind_is_used_for_more_than_it_may(agreed: Path, kind: str) -> None:
    (more,) = sorted({"assistance", "supplement", "entitlement_review", "statistics"} - floor.KINDS[kind].purposes)[
        :1
    ] or [""]
    if not more:
        return
    change(agreed / f"kinds/{kind}.yml", "purposes: [", f"purposes: [{more}, ")
    with pytest.raises(ContractError, match=rf"{kind}\.yml"):
        load(agreed)


def test_every_kind_stands_on_the_floor_as_it_is() -> None:
    kinds = load().kinds
    assert set(kinds) == set(floor.KINDS)
    assert {name for name, kind in kinds.items() if kind.door is None} == floor.OWN_LISTS
    for name, kind in kinds.items():
        assert set(kind.purposes) == floor.KINDS[name].purposes, name
        if kind.door:
            least = floor.KINDS[name].door
            assert least is not None
            assert (kind.door.scope, kind.door.or_when, kind.door.or_let_in) == (
                least.scope, least.or_when, least.or_let_in,
            )  # fmt: skip


RENAMED = {"medical_expense": "hospital_bill", "student_status": "pupil", "disaster_loss": "flood", "disability_certificate": "card"}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(RENAMED))
def test_nor_under_another_name_of_the_kind(agreed: Path, kind: str) -> None:
    """Somebody copies a list of help facts, calls it otherwise, and asks for an authorisation: its columns still say what it is."""
    text = (agreed / f"kinds/{kind}.yml").read_text(encoding="utf-8")
    begin, end = text.index("door:"), text.index("columns:")
    text = text[:begin] + "door: {scope: authorised}\n" + text[end:]
    lines = ["purposes: [entitlement_review]" if line.startswith("purposes:") else
             "title: 名册" if line.startswith("title:") else "titles: [名册]" if line.startswith("titles:") else line
             for line in text.splitlines()]  # fmt: skip
    (agreed / f"kinds/{RENAMED[kind]}.yml").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ContractError, match="不得用于复核"):
        load(agreed)


def test_illness_and_disability_on_our_own_rosters_serve_no_review_either(agreed: Path) -> None:
    kinds = load().kinds
    told = {
        (kind.name, field)
        for kind in kinds.values()
        if "entitlement_review" in kind.purposes
        for field, column in kind.columns.items()
        if any(word in fold_header(name)[0] for name in (column.header, *column.aliases) for word in floor.HELP_ONLY)
    }
    own = {"is_disabled", "disability_type", "disability_level", "illness", "is_seriously_ill", "health"}
    assert told == {*(("dibao_person", field) for field in own), ("tekun_person", "self_care")}
    for kind, field in told:
        assert kinds[kind].columns[field].purposes == ["assistance", "supplement", "statistics"]
    change(
        agreed / "kinds/dibao_person.yml",
        "患病病种, type: text, purposes: [assistance, supplement, statistics]",
        "患病病种, type: text",
    )
    with pytest.raises(ContractError, match=r"dibao_person\.yml:columns\.illness"):
        load(agreed)


@pytest.mark.parametrize(
    ("kind", "old", "new", "said"),
    [
        ("unemployment", "door:\n  scope: help\n", "", "必须写明收谁的行"),
        ("vehicle", "door:\n  scope: authorised\n", "", "必须写明收谁的行"),
        ("unemployment", "scope: help", "scope: help\n  or_when: true", "or_when"),
        ("unemployment", "scope: help", 'scope: help\n  or_when: "true"', "or_when"),
        ("unemployment", "scope: help", 'scope: help\n  or_when: "count(*) > 0"', "or_when"),
        ("unemployment", "scope: help", "scope: help\n  or_let_in: true", "or_let_in"),
        ("medical_expense", "> :medical_threshold_other_fen", "> :medical_threshold_other_fen or true", "or_when"),
        ("medical_expense", "> :medical_threshold_other_fen", ">= 0", "or_when"),
        ("disaster_loss", "damaged_rooms >= 1", "damaged_rooms >= 0", "or_when"),
        ("social_insurance", "required: true, purposes: [entitlement_review]", "required: true", "base_fen"),
        ("social_insurance", "scope: help", "scope: authorised", "用途|purposes"),
    ],
)  # fmt: skip
def test_a_door_is_opened_no_wider(agreed: Path, kind: str, old: str, new: str, said: str) -> None:
    change(agreed / f"kinds/{kind}.yml", old, new)
    with pytest.raises(ContractError, match=said):
        load(agreed)


NEW = """
title: 助餐服务
grain: 每人一行
dataset_group: meals
senders: [civil_registration]
purposes: [assistance]
legal_basis: 试
period: none
replace: key
titles: [助餐服务]
person: {id_number: id_number, name: name}
key: [id_number]
door: {scope: help}
columns:
  name: {header: 姓名, type: name, required: true}
  id_number: {header: 身份证号, type: id_number, required: true}
  meals: {header: 月助餐次数, type: integer}
"""


def test_a_bureau_adds_a_kind_that_lets_in_nobody_beyond_the_scope(agreed: Path) -> None:
    path = agreed / "kinds/meals.yml"
    path.write_text(NEW, encoding="utf-8")
    assert load(agreed).kinds["meals"].door
    for old, new, said in (
        ("door: {scope: help}", "", "必须写明收谁的行"),
        ("door: {scope: help}", 'door: {scope: help, or_when: "max(meals) > 0"}', "or_when"),
        ("door: {scope: help}", "door: {scope: help, or_let_in: true}", "or_let_in"),
        ("purposes: [assistance]", "purposes: [assistance, entitlement_review]", "凭核对授权"),
    ):
        path.write_text(NEW.replace(old, new), encoding="utf-8")
        load.cache_clear()
        with pytest.raises(ContractError, match=said):
            load(agreed)
