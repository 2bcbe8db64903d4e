"""The catalogue: every field that may flow, once, with its type, constraints, label and data class.

A plugin types its payload's attributes with these aliases; the attribute's name must be the item's name. What the
catalogue lacks, a plugin declares as its own `Item`; the reviewer of the lock then decides its data class.
Names and labels come from the record items of the assessment documents (K 別添2, requirements §3 and §5). Closed lists
of codes are made up where the standard's table is not public.
"""

from typing import Annotated, Any, TypeAlias

from gateway.plugin.item import DataClass
from gateway.plugin.item import Item as Item  # noqa: PLC0414  (plugins declare their own)
from gateway.plugin.item import Kind as Kind  # noqa: PLC0414  (the same)


def _code(name: str, label: str, data_class: DataClass, **rules: Any) -> Item:
    return Item(name=name, label=label, data_class=data_class, kind=Kind.CODE, **rules)


def _text(name: str, label: str, data_class: DataClass, max_length: int) -> Item:
    return Item(name=name, label=label, data_class=data_class, kind=Kind.TEXT, max_length=max_length)


def _flag(name: str, label: str, data_class: DataClass = DataClass.SAFETY) -> Item:
    return Item(name=name, label=label, data_class=data_class, kind=Kind.FLAG)


def _date(name: str, label: str, data_class: DataClass) -> Item:
    return _code(name, label, data_class, max_length=10, check="date")


def _instant(name: str, label: str) -> Item:
    return _code(name, label, DataClass.OPERATIONAL, max_length=32, check="instant")


def _id(
    name: str,
    label: str,
    data_class: DataClass = DataClass.IDENTIFIER,
    max_length: int = 64,
    check: str | None = None,
) -> Item:
    """What somebody's system made up: letters, digits and dashes; its real form is not public, or is its own affair."""
    return _code(name, label, data_class, max_length=max_length, pattern=r"[0-9A-Za-z][0-9A-Za-z-]*", check=check)


_D = DataClass
_ID = r"[0-9A-Za-z][0-9A-Za-z-]*"

# I01–I31: identifiers
IndividualNumber: TypeAlias = Annotated[
    str, _code("individual_number", "個人番号", _D.INDIVIDUAL_NUMBER, max_length=12, check="individual_number")
]
InternalNo: TypeAlias = Annotated[
    str, _code("internal_no", "内部番号", _D.IDENTIFIER, max_length=15, pattern=r"[0-9]{1,15}")
]
PmhKey: TypeAlias = Annotated[str, _code("pmh_key", "PMHキー", _D.IDENTIFIER, max_length=64, pattern=_ID)]
"""I02: one for each individual number, for good (C167). Its real form is not public; this one is wide on purpose."""
HandedOverPmhKey: TypeAlias = Annotated[
    str, _code("pmh_key", "PMHキー", _D.IDENTIFIER, max_length=64, pattern=_ID, check="no_individual_number")
]
"""The same where the portal names it: a number in its place is refused there, and not sealed first (rule 2)."""
VaccinationSubjectNo: TypeAlias = Annotated[
    str, _code("vaccination_subject_no", "予防接種対象者番号", _D.IDENTIFIER, max_length=32, pattern=_ID)
]
MunicipalityCode: TypeAlias = Annotated[
    str, _code("municipality_code", "自治体コード", _D.OPERATIONAL, max_length=6, check="municipality_code")
]
MunicipalityBusinessId: TypeAlias = Annotated[
    str, _code("municipality_business_id", "自治体業務ID", _D.OPERATIONAL, max_length=20, pattern=_ID)
]

# 基本5情報 and what belongs to them
Name: TypeAlias = Annotated[str, _text("name", "氏名", _D.BASIC, 100)]
NameKana: TypeAlias = Annotated[str, _text("name_kana", "カナ", _D.BASIC, 100)]
Address: TypeAlias = Annotated[str, _text("address", "住所", _D.BASIC, 200)]
BirthDate: TypeAlias = Annotated[str, _code("birth_date", "生年月日", _D.BASIC, max_length=10, check="date")]
Sex: TypeAlias = Annotated[str, _code("sex", "性別", _D.BASIC, max_length=1, values=("1", "2", "9"))]
GuardianName: TypeAlias = Annotated[str, _text("guardian_name", "保護者氏名", _D.BASIC, 100)]
ResidentStatus: TypeAlias = Annotated[
    str, _code("resident_status", "住民状態", _D.BASIC, max_length=1, values=("1", "2", "3", "4"))
]
"""1 住民, 2 住民登録外者, 3 転出, 4 死亡 (made-up codes: the standard's table is not public)."""

# state, moves and control
ChangeType: TypeAlias = Annotated[
    str, _code("change_type", "変更区分", _D.OPERATIONAL, max_length=1, values=("1", "2", "3"))
]
"""1 追加, 2 変更, 3 削除 (K 別添2(1); the values are inferred)."""
DeletionEventDate: TypeAlias = Annotated[
    str, _code("deletion_event_date", "削除の異動日", _D.BASIC, max_length=10, check="date")
]
SubjectCategory: TypeAlias = Annotated[
    str, _code("subject_category", "接種対象者区分", _D.HEALTH, max_length=2, values=("A1", "A2", "B1", "R1"))
]
"""A1 定期A類 (乳幼児), A2 定期A類 (学童以上), B1 定期B類, R1 臨時 (made-up codes: the table is not public)."""
UpdatedAt: TypeAlias = Annotated[str, _code("updated_at", "更新日時", _D.OPERATIONAL, max_length=32, check="instant")]
UpdateSeq: TypeAlias = Annotated[
    int,
    Item(
        name="update_seq", label="更新連番", data_class=_D.OPERATIONAL, kind=Kind.INTEGER, minimum=0, maximum=2**31 - 1
    ),
]
ControlFlagRecovery: TypeAlias = Annotated[bool, _flag("control_flag_recovery", "制御フラグ(リカバリー)")]
ControlFlagNondisclosure: TypeAlias = Annotated[bool, _flag("control_flag_nondisclosure", "制御フラグ(不開示)")]
ControlFlagViewSuspended: TypeAlias = Annotated[bool, _flag("control_flag_view_suspended", "制御フラグ(閲覧停止)")]

# I03, I12, I14, I24, I25: the chains, and what is kept of a person
PmhPseudonymId: TypeAlias = Annotated[str, _id("pmh_pseudonym_id", "PMH仮名識別子", check="no_individual_number")]
"""I03: by which the portal, and only it, names a person."""
Id5: TypeAlias = Annotated[str, _id("id5", "ID5")]
"""I12: by which the research database names a person."""
IdentityConfirmation: TypeAlias = Annotated[str, _id("identity_confirmation", "本人確認情報")]
"""I14: one visit's authentication and consent, as PMH keeps it (C206)."""
VaccinationManagementId: TypeAlias = Annotated[str, _id("vaccination_management_id", "予防接種管理ID")]
"""I25: one dose that a person is due; joins questionnaire and record."""
VaccinationRecordId: TypeAlias = Annotated[str, _id("vaccination_record_id", "予防接種記録ID")]
EnteredRecordId: TypeAlias = Annotated[
    str, _id("vaccination_record_id", "予防接種記録ID", check="no_individual_number")
]
"""The same where a clinic names it: the record system gave it, in letters. A city's own may be twelve digits."""
AnswerId: TypeAlias = Annotated[str, _id("answer_id", "回答ID", check="no_individual_number")]
"""The record system gave it, in letters; a clinic names by it the answers that the doctor has seen."""
NoticeId: TypeAlias = Annotated[str, _id("notice_id", "通知ID")]
VaccinationSettingId: TypeAlias = Annotated[
    str, _id("vaccination_setting_id", "予防接種設定ID", _D.OPERATIONAL, 32, check="no_individual_number")
]
"""Which vaccination: the template and the rules that a city set up for it."""
ItemId: TypeAlias = Annotated[str, _id("item_id", "項目ID", _D.OPERATIONAL, 32)]
CombinationNo: TypeAlias = Annotated[str, _id("combination_no", "組み合わせ番号", _D.OPERATIONAL, 32)]
RecommendationRuleId: TypeAlias = Annotated[
    str, _id("recommendation_rule_id", "勧奨情報(ルールID)", _D.OPERATIONAL, 32)
]

# questionnaires (K 別添2(3))
TemplateName: TypeAlias = Annotated[str, _text("template_name", "予診票ひな形名", _D.OPERATIONAL, 100)]
QuestionText: TypeAlias = Annotated[str, _text("question_text", "設問", _D.OPERATIONAL, 500)]
AnswerKind: TypeAlias = Annotated[
    str, _code("answer_kind", "回答形式", _D.OPERATIONAL, max_length=6, values=("yesno", "text", "number", "date"))
]
"""What `answer_content` must be: yes or no; any text; a decimal number; YYYY-MM-DD. The record system sees to it."""
AnswerContent: TypeAlias = Annotated[str, _text("answer_content", "回答内容", _D.HEALTH, 500)]
AnswerStatus: TypeAlias = Annotated[
    str, _code("answer_status", "回答処理ステータス", _D.OPERATIONAL, max_length=1, values=("1", "2", "9"))
]
"""1 入力済, 2 医師確認済, 9 失効."""
AnsweredAt: TypeAlias = Annotated[str, _instant("answered_at", "回答日時")]
NotEligibleFlag: TypeAlias = Annotated[bool, _flag("not_eligible_flag", "接種不可フラグ")]
ForcedExpiryDate: TypeAlias = Annotated[str, _date("forced_expiry_date", "強制失効日", _D.SAFETY)]
"""From that day on the answers are void; 9999-12-31 where there is none, for it is always present."""
RecommendationDate: TypeAlias = Annotated[str, _date("recommendation_date", "勧奨情報(勧奨日)", _D.HEALTH)]
DoctorJudgement: TypeAlias = Annotated[
    str, _code("doctor_judgement", "医師記入欄(可否)", _D.HEALTH, max_length=1, values=("1", "2"))
]
"""1 適, 2 否."""
DoctorNote: TypeAlias = Annotated[str, _text("doctor_note", "医師記入欄(所見)", _D.HEALTH, 500)]
ExaminedAt: TypeAlias = Annotated[str, _instant("examined_at", "問診日時")]

# vaccination records (K 別添2(4))
VaccinatedOn: TypeAlias = Annotated[str, _date("vaccinated_on", "接種日", _D.HEALTH)]
ConsentFlag: TypeAlias = Annotated[bool, _flag("consent_flag", "接種同意フラグ", _D.HEALTH)]
ClinicCode: TypeAlias = Annotated[
    str, _code("clinic_code", "医療機関コード", _D.OPERATIONAL, max_length=10, pattern=r"[0-9]{10}")
]
"""I27. Its check digit is not asked for: substitutes carry none, so a wrong one is a warning (interfaces §10.4)."""
DoctorName: TypeAlias = Annotated[str, _text("doctor_name", "医師名", _D.BASIC, 100)]
Place: TypeAlias = Annotated[str, _text("place", "実施場所", _D.HEALTH, 100)]
ImplementationType: TypeAlias = Annotated[
    str, _code("implementation_type", "実施区分", _D.HEALTH, max_length=1, values=("1", "2", "3"))
]
"""1 個別, 2 集団, 3 その他."""
VaccinationType: TypeAlias = Annotated[
    str, _code("vaccination_type", "接種区分", _D.HEALTH, max_length=1, values=("1", "2", "3"))
]
"""1 定期, 2 臨時, 3 任意."""
Gtin: TypeAlias = Annotated[str, _code("gtin", "GTINコード", _D.HEALTH, max_length=14, check="gtin")]
VaccineMaker: TypeAlias = Annotated[str, _text("vaccine_maker", "ワクチンメーカー名", _D.HEALTH, 100)]
VaccineGenericName: TypeAlias = Annotated[str, _text("vaccine_generic_name", "ワクチン名(一般名)", _D.HEALTH, 100)]
VaccineCommonName: TypeAlias = Annotated[str, _text("vaccine_common_name", "ワクチン名(通称)", _D.HEALTH, 100)]
VaccineBrandName: TypeAlias = Annotated[str, _text("vaccine_brand_name", "ワクチン名(販売名)", _D.HEALTH, 100)]
LotNo: TypeAlias = Annotated[
    str,
    Item(
        name="lot_no",
        label="ロット番号",
        data_class=_D.HEALTH,
        kind=Kind.TEXT,
        max_length=20,
        pattern=r"[0-9A-Za-z][0-9A-Za-z-]*",
    ),
]
"""A text, because people type it: so it is searched for individual numbers."""
DoseVolume: TypeAlias = Annotated[
    str, _code("dose_volume", "接種量", _D.HEALTH, max_length=6, pattern=r"[0-9]{1,2}(\.[0-9]{1,3})?")
]
"""In mL."""
InjectionSite: TypeAlias = Annotated[
    str, _code("injection_site", "接種部位", _D.HEALTH, max_length=1, values=("1", "2", "3", "4", "5"))
]
"""1 右上腕, 2 左上腕, 3 右大腿, 4 左大腿, 5 その他."""
InjectionMethod: TypeAlias = Annotated[
    str, _code("injection_method", "接種方法", _D.HEALTH, max_length=1, values=("1", "2", "3", "4", "5"))
]
"""1 皮下, 2 筋肉内, 3 経口, 4 経皮, 5 経鼻."""
VaccineExpiryDate: TypeAlias = Annotated[str, _date("vaccine_expiry_date", "ワクチン有効期限", _D.HEALTH)]
CautionFlag: TypeAlias = Annotated[bool, _flag("caution_flag", "要注意接種フラグ")]
SpecialCircumstances: TypeAlias = Annotated[str, _text("special_circumstances", "特別の事情", _D.HEALTH, 500)]
OverseasFlag: TypeAlias = Annotated[bool, _flag("overseas_flag", "海外接種フラグ", _D.HEALTH)]
IsLatest: TypeAlias = Annotated[bool, _flag("is_latest", "最新フラグ", _D.OPERATIONAL)]
IsDeleted: TypeAlias = Annotated[bool, _flag("is_deleted", "削除フラグ", _D.OPERATIONAL)]
FeeReductionCategory: TypeAlias = Annotated[
    str, _code("fee_reduction_category", "減免区分", _D.TAX_WELFARE, max_length=1, values=("0", "1", "2"))
]
"""0 なし, 1 一部, 2 全額. Comes from tax and welfare: neither portal nor clinic may have it (rule 8)."""
WarningCode: TypeAlias = Annotated[
    str,
    _code(
        "warning_code",
        "警告",
        _D.OPERATIONAL,
        max_length=40,
        values=(
            "clinic_code_check_digit",
            "not_eligible",
            "no_consent",
            "judged_unfit",
            "dated_ahead",
            "vaccine_expired",
        ),
    ),
]
"""Of a dose that is kept all the same."""

# notices, visits, research
NoticeTitle: TypeAlias = Annotated[str, _text("notice_title", "通知件名", _D.HEALTH, 100)]
NoticeText: TypeAlias = Annotated[str, _text("notice_text", "通知文言", _D.HEALTH, 2000)]
ValidUntil: TypeAlias = Annotated[str, _instant("valid_until", "有効期限")]
DataChangedAt: TypeAlias = Annotated[str, _instant("data_changed_at", "データ最終更新日時")]
"""When anything that the answer is made of was last changed."""
BirthMonth: TypeAlias = Annotated[
    str, _code("birth_month", "生年月", _D.BASIC, max_length=7, pattern=r"[0-9]{4}-(0[1-9]|1[0-2])")
]
"""Research has no day of birth (interfaces §4.4)."""

# the intermediate server and the information provision network (requirements §3.6, interfaces §3)
DatasetCode: TypeAlias = Annotated[
    str, _code("dataset_code", "特定個人情報名コード", _D.OPERATIONAL, max_length=16, pattern=r"TM[0-9]{14}")
]
ProcedureCode: TypeAlias = Annotated[
    str, _code("procedure_code", "事務手続きコード", _D.OPERATIONAL, max_length=16, pattern=r"JT[0-9]{14}")
]
DatasetRecordNo: TypeAlias = Annotated[
    str, _id("dataset_record_no", "レコード識別番号", max_length=32, check="no_individual_number")
]
"""One record of a replica; the city's own, and never used twice."""
DatasetVersion: TypeAlias = Annotated[
    int,
    Item(
        name="dataset_version",
        label="特定個人情報の版番号",
        data_class=_D.OPERATIONAL,
        kind=Kind.INTEGER,
        minimum=1,
        maximum=9999,
    ),
]
"""Of the layout, not of the state: that is 更新日時 and 更新連番."""
NoAutoResponseFlag: TypeAlias = Annotated[bool, _flag("no_auto_response_flag", "自動応答不可フラグ")]
"""Of a person or of one record (C152, surprise 45)."""
UndisclosedFlag: TypeAlias = Annotated[bool, _flag("undisclosed_flag", "不開示コード")]
"""That it was asked or given is itself not to be disclosed (番号法第23条第2項)."""
InquiryNo: TypeAlias = Annotated[str, _id("inquiry_no", "照会番号", _D.OPERATIONAL, 32, check="no_individual_number")]
"""One inquiry of the city's, by its own number, never used twice."""
InquiryRow: TypeAlias = Annotated[
    str,
    _code("inquiry_row", "照会の項", _D.OPERATIONAL, max_length=3, values=("25", "26", "27", "28", "29", "153")),
]
"""項 of the ministerial order's table under which a city may ask (L4)."""
ProvisionRow: TypeAlias = Annotated[
    str, _code("provision_row", "提供の項", _D.OPERATIONAL, max_length=3, values=("25", "26", "153"))
]
"""And under which it may give (L5): the others are for asking only (surprise 34)."""
InquirerCode: TypeAlias = Annotated[
    str, _code("inquirer_code", "情報照会者機関コード", _D.OPERATIONAL, max_length=6, check="municipality_code")
]
ProviderCode: TypeAlias = Annotated[
    str, _code("provider_code", "情報提供者機関コード", _D.OPERATIONAL, max_length=6, check="municipality_code")
]
InquiryFrom: TypeAlias = Annotated[str, _date("inquiry_from", "照会開始日付", _D.OPERATIONAL)]
InquiryTo: TypeAlias = Annotated[str, _date("inquiry_to", "照会終了日付", _D.OPERATIONAL)]
InquiryStatus: TypeAlias = Annotated[
    str, _code("inquiry_status", "照会ステータス", _D.OPERATIONAL, max_length=1, values=("1", "2", "3", "9"))
]
"""1 回答あり, 2 該当なし, 3 拒否, 9 中断 (made-up codes: the specification is not public)."""
FiscalYear: TypeAlias = Annotated[
    str, _code("fiscal_year", "課税年度", _D.TAX_WELFARE, max_length=4, pattern=r"[0-9]{4}")
]
TaxationCategory: TypeAlias = Annotated[
    str, _code("taxation_category", "課税区分", _D.TAX_WELFARE, max_length=1, values=("1", "2", "3", "9"))
]
"""1 課税, 2 均等割のみ課税, 3 非課税, 9 未申告 (made-up codes). Comes with the answer to an inquiry only (rule 8)."""
WelfareCategory: TypeAlias = Annotated[
    str, _code("welfare_category", "生活保護受給区分", _D.TAX_WELFARE, max_length=1, values=("0", "1", "9"))
]
"""0 受給なし, 1 受給中, 9 不明 (made-up codes). Comes with the answer to an inquiry only (rule 8)."""
ProvisionNo: TypeAlias = Annotated[
    str, _id("provision_no", "提供受付番号", _D.OPERATIONAL, 32, check="no_individual_number")
]
"""One request of another body, or of the person, as the intermediate server received it."""
DoseNo: TypeAlias = Annotated[
    int, Item(name="dose_no", label="接種回", data_class=_D.HEALTH, kind=Kind.INTEGER, minimum=1, maximum=99)
]
AnnouncementResponse: TypeAlias = Annotated[
    str, _code("announcement_response", "お知らせ回答結果", _D.OPERATIONAL, max_length=1, values=("1", "2", "9"))
]
"""1 送信済, 2 既読, 9 送信不可 (made-up codes)."""
