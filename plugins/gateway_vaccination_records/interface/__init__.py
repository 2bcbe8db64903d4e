"""What the record system takes and gives, by whom it is with: the fixed fields of every operation."""

from gateway.plugin import Interface
from gateway_vaccination_records.interface import city, clinic, key, research, resident, subject

INTERFACE = Interface(
    connector="vaccination_records",
    label="予診情報・予防接種記録管理システム",
    version="2",
    operations=(
        *subject.OPERATIONS,
        *key.OPERATIONS,
        *city.OPERATIONS,
        *resident.OPERATIONS,
        *clinic.OPERATIONS,
        *research.OPERATIONS,
    ),
    codes={
        "confirmation_awaited": "PMHから本人確認情報の回答をまだ得ていない",
        "dose_exists": "この予防接種管理IDの接種記録は既にある",
        "not_yours": "この送信元が登録したものではない",
        "wrong_setting": "予防接種設定IDがこの予防接種管理IDのものではない",
        "item_exists": "この項目IDは既に使われている",
        "no_such_template": "この予防接種設定の予診票ひな形がない",
        "unknown_item": "予診票ひな形にない項目への回答である",
        "wrong_answer_kind": "回答形式に合わない回答である",
        "too_many_answers": "接種予定の全ての予診票を合わせた回答が長すぎる",
        "expired_questionnaire": "強制失効日を過ぎている",
    },
)
