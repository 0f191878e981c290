"""What the product never does with people's data, whatever any configuration says (docs/boundaries.md, 1 to 3).

It lists the words for what is never stored, and the lists that are our own. For each kind it says what the kind may at
most be used for, and whose rows its door may let in. Configuration can add words (`refused` of expectations/headers.yml) and remove nothing.
A contract that is looser than this does not load. When this file was changed and DIGEST was not, no contract loads.
Standard library only.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Literal

from low_income.model import Purpose

REFUSED: dict[str, list[str]] = {
    "民族": [
        "民族", "族别", "族属", "族裔", "族群", "族称", "种族", "汉族", "维吾尔族", "维族", "哈萨克族", "哈族", "minzu", "ethnic",
        "ethnicity", "ethnic group", "nation", "nationality", "race",
    ],
    "宗教": [
        "宗教", "信仰", "教派", "信教", "信奉", "信众", "信徒", "教徒", "教友", "皈依", "佛教", "道教", "基督教", "天主教", "伊斯兰", "穆斯林",
        "邪教", "法轮功", "zongjiao", "religion", "religious", "faith", "belief",
    ],
    "政治面貌": [
        "政治面貌", "政治面目", "政治身份", "政治成分", "政治表现", "政治审查", "政审", "家庭成分", "党员", "黨員", "党派", "黨派", "入党", "入黨",
        "党籍", "党龄", "党费", "党团", "党组织", "党支部", "预备党", "团员", "共青团", "统战", "zhengzhimianmao", "zzmm", "political",
        "politics", "party", "party member",
    ],
    "生物特征": [
        "指纹", "指紋", "人脸", "人臉", "刷脸", "脸部", "面部识别", "面部特征", "面部信息", "面部图", "虹膜", "声纹", "聲紋", "掌纹", "指静脉",
        "步态识别", "步态特征", "血型", "DNA", "基因", "生物特征", "生物识别", "生物信息", "xuexing", "zhiwen", "renlian", "fingerprint",
        "face", "facial", "face id", "iris", "voiceprint", "palmprint", "biometric", "biometrics", "blood type", "blood group",
        "gene", "genetic",
    ],
    "照片": [
        "照片", "相片", "头像", "影像", "证件照", "近照", "寸照", "免冠照", "图片", "图像", "人像", "肖像", "拍照", "自拍", "合影", "全家福", "相册",
        "录像", "录音", "视频资料", "视频文件", "视频链接", "视频地址", "zhaopian", "touxiang", "photo", "photos", "photograph", "picture",
        "image", "avatar", "portrait",
        "selfie", "video", "audio",
    ],
    "行踪": [
        "轨迹", "軌跡", "定位", "经纬", "經緯", "经度", "經度", "纬度", "緯度", "坐标", "座标", "行踪", "踪迹", "足迹", "位置信息",
        "地理位置", "实时位置",
        "行动路线", "活动路线", "活动规律", "基站", "GPS", "guiji", "jingdu", "weidu", "jingweidu", "longitude", "latitude", "lng",
        "lat", "lon", "geo", "geolocation", "coordinate", "coordinates", "trajectory", "track",
    ],
    "通信": [
        "通话", "通話", "短信", "微信", "WeChat", "weixin", "QQ", "IP", "通信记录", "通讯记录", "通讯录", "通联", "话单", "呼叫记录",
        "聊天", "上网记录",
        "上网行为", "浏览记录", "搜索记录", "社交账号", "社交媒体", "微博", "weibo", "抖音", "douyin", "快手号", "IMEI", "IMSI", "MAC地址", "chat",
        "call log", "call record", "sms",
    ],
    "出行": [
        "出行", "乘车", "乘机", "航班", "车次", "出入境", "出国境", "出国(境)", "因私出国", "出国情况", "出国记录", "出境记录", "出境时间",
        "入境记录", "入境时间",
        "护照", "護照", "签证", "通行证", "行程码", "行程卡", "行程单", "行程信息", "行程记录", "健康码", "火车票", "机票", "车票", "船票",
        "住宿记录", "住店记录",
        "旅馆", "开房", "卡口", "过车记录", "边检", "huzhao", "passport", "flight", "visa", "travel", "itinerary",
    ],
    "违法犯罪": [
        "违法", "违法记录", "犯罪", "罪名", "罪犯", "前科", "案底", "案件", "案号", "案由", "涉案", "涉法", "涉诉", "涉访", "涉毒", "涉黑",
        "涉恐", "涉稳", "作案",
        "嫌疑", "信访", "上访", "判决", "判刑", "刑期", "刑事", "刑罚", "刑满", "刑释", "缓刑", "假释", "服刑", "社区矫正", "矫正对象",
        "矫正人员", "社矫", "监狱",
        "看守所", "羁押", "逮捕", "通缉", "在逃", "劳教", "劳改", "强戒", "帮教", "公安", "警情", "接警记录", "接警时间", "出警记录",
        "出警时间", "报警记录", "法院",
        "诉讼", "起诉", "立案", "裁判文书", "被执行人", "失信", "拘留", "治安处罚", "行政处罚", "处罚记录", "肇事肇祸", "维稳", "重点人员",
        "重点人口", "布控",
        "吸毒", "戒毒", "fanzui", "weifa", "xinfang", "qianke", "crime", "crimes", "criminal", "criminal record", "conviction",
        "offence", "offense", "arrest", "arrested", "prison", "police", "court", "lawsuit", "petition",
    ],
}  # fmt: skip
"""Reason group → words for what is never stored. A text that contains one of them names it.

A Latin word counts only when no letter is next to it (QQ号, QQ:123; not EQQ1), and never in a mail or web address.
"""

INNOCENT: list[str] = [
    "民族乡", "民族镇", "民族村", "民族路", "民族街", "民族大街", "民族大道", "民族中路", "民族东路", "民族西路", "民族南路", "民族北路",
    "民族巷", "民族里",
    "民族社区", "民族小区", "民族新村", "民族家园", "民族花园", "民族广场", "民族公园", "民族团结", "民族小学", "民族中学", "民族学校",
    "民族学院", "民族大学",
    "民族师范", "民族幼儿园", "民族医院", "民族文化宫", "民族宫", "民族自治", "哈萨克族乡", "哈萨克族自治", "维吾尔族乡", "公民族谱",
    "信仰路", "信仰街",
    "信教育", "信教学", "信教师", "信教材", "信教室", "教派出", "教派遣", "调教派", "集团员", "团员工", "团员额", "党派出", "公安县",
    "公安路", "公安街", "公安巷",
    "公安置", "办公安", "法院路", "法院街", "法院巷", "护照料", "护照顾", "护照护", "护照看", "护照明", "近照料", "近照顾", "近照护",
    "近照看", "照片区", "图片区",
    "支出行", "付出行", "汇出行", "转出行", "出行政", "出行为", "出行动", "停车次", "用车次", "派车次", "出车次", "支出境", "目前科",
    "术前科", "简短信", "普通话",
    "小微信", "已经度", "曾经度", "神经度", "已经纬", "消失信", "迷失信", "固定位", "指定位", "确定位", "规定位", "认定位", "核定位",
    "评定位", "特定位", "约定位", "鉴定位",
    "家族别", "贵族别", "家族群", "贵族群", "家族属", "家族称", "虹膜炎", "民族园", "民族东街", "民族西街", "民族饭店", "民族大厦",
    "公安小区", "公安新村", "公安家属", "公安宿舍", "法院小区", "法院新村", "法院家属", "法院宿舍", "造血型", "止血型", "图案号", "缺血型",
    "出血型", "失血型", "败血型", "贫血型", "溶血型", "充血型", "瘀血型", "淤血型", "供血型", "预警情", "报警情", "告警情",
    "示警情", "档案号", "备案号", "方案号",
    "预案号", "提案号", "个案号", "档案件", "个案件", "备案件", "档案由", "备案由", "档案底", "备案底", "方案底", "图案底", "通信访",
    "电信访", "微信访", "短信访", "上访谈",
    "上访问", "上访视", "建立案", "成立案", "设立案", "独立案", "合作案", "工作案", "动作案",
]  # fmt: skip
"""Words that contain one of REFUSED by chance and do not count: names of places, and two words side by side."""

OFFICES: list[str] = [
    "公安局", "公安分局", "公安厅", "公安部", "公安派出所", "公安机关", "公安处", "公安所", "人民法院", "民族宗教事务局", "民族宗教局",
    "民族事务局", "民族宗教事务委员会",
    "民族宗教委员会", "民族事务委员会", "民族局", "民族宗教科", "民族事务科", "民族宗教办", "宗教局", "宗教事务局", "宗教事务委员会",
    "宗教事务科", "信访局", "信访办",
    "信访科", "统战部", "党支部", "党组织",
]  # fmt: skip
"""Names of offices. In titles and signatures they are not a value and do not count; in a header they are still refused."""

CODES: dict[str, list[str]] = {
    "民族": ["mz", "mzdm", "mzmc", "mzbm"],
    "宗教": ["zjxy", "zjxydm", "zjxymc"],
    "政治面貌": ["zzmm", "zzmmdm", "zzmmmc"],
    "照片": ["zp", "xp"],
}
"""Reason group → short names of such columns in databases and .dbf tables. They count only there, as the whole column name."""

HELP_ONLY = [
    "医疗", "就诊", "就医", "住院", "门诊", "诊断", "病", "疾", "健康", "残疾", "康复", "自理能力", "失能", "学籍", "学段", "学校", "就读",
    "辍学", "年级", "灾",
]  # fmt: skip
"""Words for illness, disability, schooling or disaster: a column or list named so never serves a review of an enrolment."""

FREE_TEXT = [
    "备注",
    "说明",
    "附注",
    "批注",
    "描述",
    "意见",
    "详情",
    "小结",
    "评语",
    "走访情况",
    "谈话",
    "remark",
    "comment",
    "memo",
]
"""Words for columns of sentences, in which anything about anybody may be written: no kind may have such a column."""

OWN_LISTS = frozenset({
    "dibao_household", "dibao_person", "tekun_person", "edge_household", "edge_person", "temporary_grant", "survey_household",
    "survey_person", "poverty_return_monitoring",
})  # fmt: skip
"""Our own lists: they say whom help is for. Every other kind is a partner's and has a door."""


@dataclass(frozen=True)
class Door:
    """Whose rows of a partner's kind may be kept at most; `or_when` as in the contract, without regard to blanks."""

    scope: Literal["help", "authorised"]
    or_when: str | None = None
    or_let_in: bool = False


@dataclass(frozen=True)
class Limits:
    """What a kind of the product may at most be used for, and its door."""

    purposes: frozenset[Purpose]
    door: Door | None = None


_HELP: frozenset[Purpose] = frozenset({"assistance"})
_TOP_UP: frozenset[Purpose] = frozenset({"assistance", "supplement"})
_REVIEW: frozenset[Purpose] = frozenset({"entitlement_review"})
_BOTH: frozenset[Purpose] = frozenset({"assistance", "entitlement_review"})
_CENSUS: frozenset[Purpose] = frozenset({"assistance", "statistics"})
_ROSTER: frozenset[Purpose] = frozenset({"assistance", "supplement", "entitlement_review", "statistics"})

KINDS: dict[str, Limits] = {
    "dibao_household": Limits(_ROSTER),
    "dibao_person": Limits(_ROSTER),
    "tekun_person": Limits(_ROSTER),
    "edge_household": Limits(_ROSTER),
    "edge_person": Limits(_ROSTER),
    "temporary_grant": Limits(_BOTH | {"statistics"}),
    "survey_household": Limits(_CENSUS),
    "survey_person": Limits(_CENSUS),
    "poverty_return_monitoring": Limits(_CENSUS),
    "medical_expense": Limits(
        _HELP,
        Door(
            "help",
            "sum(case when settled_on > :night - interval 12 month and settled_on <= :night then burden_fen else 0 end)"
            " > :medical_threshold_other_fen",
        ),
    ),
    "disability_certificate": Limits(
        _TOP_UP,
        Door(
            "help",
            "max(case when issued_on > :night - :severe_disability_window and issued_on <= :night"
            " and not certificate_status__unreadable and coalesce(certificate_status, '正常') = '正常'"
            " and (disability_level in ('一级', '二级') or (disability_level = '三级' and disability_type in ('智力', '精神')))"
            " then 1 else 0 end) = 1",
        ),
    ),
    "unemployment": Limits(_HELP, Door("help")),
    "social_insurance": Limits(_BOTH, Door("help")),
    "pension": Limits(_REVIEW, Door("authorised")),
    "student_status": Limits(_HELP, Door("help")),
    "death_notice": Limits(_BOTH, Door("help", or_let_in=True)),
    "real_estate": Limits(_REVIEW, Door("authorised")),
    "vehicle": Limits(_REVIEW, Door("authorised")),
    "business_registration": Limits(_REVIEW, Door("authorised")),
    "disaster_loss": Limits(
        _HELP,
        Door(
            "help",
            "max(case when happened_on > :night - :disaster_window and happened_on <= :night"
            " and (loss_fen >= :disaster_loss_minimum_fen or damaged_rooms >= 1) then 1 else 0 end) = 1",
        ),
    ),
}
"""Kinds that come with the product → limits. A kind that a bureau adds needs a door without `or_when` and `or_let_in`, and
serves reviews only when its door's scope is `authorised`."""

REVIEW_COLUMNS = {"social_insurance": frozenset({"employer", "base_fen"})}
"""Kind → columns of a help list that are kept only for authorised people, whatever the contract says."""

DIGEST = "b26f1d4a75cd8a8a1880b99945e336a8dea98c624791e58ddf7df67ca0cb189e"
"""SHA-256 of all the above: a change here needs a change of this value too."""


def digest() -> str:
    """The SHA-256 of the limits in this file, in hexadecimal."""
    kinds = {
        name: [sorted(limits.purposes), limits.door and [limits.door.scope, limits.door.or_when, limits.door.or_let_in]]
        for name, limits in KINDS.items()
    }
    columns = {name: sorted(fields) for name, fields in REVIEW_COLUMNS.items()}
    said = [REFUSED, INNOCENT, OFFICES, CODES, HELP_ONLY, FREE_TEXT, sorted(OWN_LISTS), kinds, columns]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
