"""What a change of each key of the configuration means for the assessment: all of these rules, in one place.

`KEYS` are compared as they stand, `IRRELEVANT` not at all, for the reason given. Of all others another module speaks
in the words of the form. A test changes each key that a configuration can have, so that no new one is forgotten.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from gateway.assessment.change import Kind
from gateway.assessment.duration import told

PRESENT: Final = "あり"
"""The value of what has keys of its own, where it is there."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key that is compared: under which item of the form, where {} is what it belongs to; and what it is that the
    value grew, or that it did otherwise if `less` says what it is that it shrank. No value is without bound.
    """

    item: str
    more: Kind = "unjudged"
    less: Kind | None = None
    says: Callable[[Any], str] = str


@dataclass(frozen=True, slots=True)
class Material(Key):
    """One whose value names files of certificates or public keys, whose content is compared; and which files they are,
    unless that is `told` elsewhere.
    """

    told: bool = False


def _seconds(value: float | None) -> str:
    return told(value) if value is not None else "定めなし"


def _after(value: float | None) -> str:
    return f"終了後{told(value)}" if value is not None else "定めなし"


def _days(value: int) -> str:
    return f"{value}日"


def _listed(value: Iterable[object]) -> str:
    return "、".join(sorted(map(str, value))) or "なし"


def _faces(value: bool) -> str:  # noqa: FBT001  (the value itself)
    return "面する" if value else "面しない"


def _limit(item: str, says: Callable[[Any], str] = str) -> Key:
    """A safeguard that is weaker the more it says."""
    return Key(item, "weaker", "lighter", says)


_HOURS: Final = {
    "opens": Key("Ⅲ 3. 時間外とみなす時刻(始業前) {}"),
    "closes": Key("Ⅲ 3. 時間外とみなす時刻(終業後) {}"),
    "weekdays": Key("Ⅲ 3. 時間外とみなさない曜日 {}", says=_listed),
    "closed": Key("Ⅲ 3. 時間外とみなす日 {}", says=_listed),
}
KEYS: Final[Mapping[str, Key]] = MappingProxyType(
    {
        "gateway.name": Key("Ⅲ 7. 記録の名称"),
        "gateway.listeners.*.certificate": Material("Ⅰ 2. 受口 {} の証明書", "formal"),
        "gateway.listeners.*.client_ca": Material("Ⅲ 2. 受口 {} に入るシステムを確かめる認証局 ※"),
        "gateway.admin.host": Key("Ⅲ 3. 操作用の受口のアドレス", "new_means"),
        "gateway.admin.port": Key("Ⅲ 3. 操作用の受口のポート", "formal"),
        "gateway.admin.certificate": Material("Ⅲ 3. 操作用の受口の証明書", "formal"),
        "gateway.admin.client_ca": Material("Ⅲ 3. 操作する者を確かめる認証局 ※"),
        "gateway.admin.operators.*": Material("Ⅲ 3. 機械を運用する者の証明書", told=True),
        "gateway.journal.directory": Key("Ⅱ 6. ①記録と電文の保管場所 ※"),
        "gateway.journal.checkpoint_facts": _limit("Ⅲ 7. 記録に署名する間隔(件数) ※"),
        "gateway.journal.checkpoint_seconds": _limit("Ⅲ 7. 記録に署名する間隔 ※", _seconds),
        "gateway.journal.witness_seconds": _limit("Ⅲ 7. 証人に渡す間隔 ※", _seconds),
        "gateway.limits.message_seconds": _limit("Ⅱ 6. 届かない電文を送り続ける期間", _seconds),
        "gateway.limits.answer_seconds": _limit("Ⅲ 5. 証明に基づく回答を渡せる時間 ※", _seconds),
        "gateway.link.listen": Key("Ⅰ 2. ハブとしての構成"),
        "gateway.link.listen.host": Key("Ⅰ 2. エッジが入る受口のアドレス", "new_means"),
        "gateway.link.listen.port": Key("Ⅰ 2. エッジが入る受口のポート", "formal"),
        "gateway.link.listen.certificate": Material("Ⅰ 2. エッジが入る受口の証明書", "formal"),
        "gateway.link.listen.client_ca": Material("Ⅲ 2. エッジを確かめる認証局 ※"),
        "gateway.link.edges.*": Key("Ⅰ 2. エッジのプロセス {}"),
        "gateway.link.edges.*.certificate": Material("Ⅲ 2. エッジのプロセス {} の証明書 ※"),
        "gateway.link.edges.*.listeners": Material("Ⅲ 2. エッジのプロセス {} の受口の証明書"),
        "gateway.link.edges.*.connectors": Key("Ⅰ 2. エッジのプロセス {} が受け持つ接続", says=_listed),
        "gateway.link.hub": Key("Ⅰ 2. エッジとしての構成"),
        "gateway.link.hub.url": Key("Ⅰ 2. ハブのアドレス", "new_means"),
        "gateway.link.hub.certificate": Material("Ⅰ 2. ハブに入るための証明書", "formal"),
        "gateway.link.hub.ca": Material("Ⅲ 2. ハブを確かめる認証局 ※"),
        "gateway.link.hub.connectors": Key("Ⅰ 2. このプロセスが受け持つ接続", says=_listed),
        "gateway.witnesses.*.key": Material("Ⅲ 7. 証人 {} の公開鍵 ※"),
        "gateway.witnesses.*.ca": Material("Ⅲ 7. 証人 {} を確かめる認証局 ※"),
        "gateway.exports.*.kinds": Key("Ⅲ 3. 記録の書き出し {} の範囲", says=_listed),
        "gateway.exports.*.tenants": Key("Ⅲ 3. 記録の書き出し {} の対象の記録", says=_listed),
        "gateway.exports.*.syslog.certificate": Material("Ⅲ 3. 記録の書き出し {} の証明書", "formal"),
        "gateway.exports.*.syslog.ca": Material("Ⅲ 3. 記録の書き出し {} の相手を確かめる認証局 ※"),
        "gateway.exports.*.syslog.enterprise": Key("Ⅲ 3. 記録の書き出し {} の番号", "formal"),
        "zones.*.label": Key("Ⅰ 2. 領域 {} の名称", "formal"),
        "zones.*.internet": _limit("Ⅲ 2. 領域 {} がインターネットに面すること ※", _faces),
        "tenant.name": Key("評価実施機関名(設定)", "formal"),
        "tenant.root_key": Material("Ⅲ 2. 公開鍵台帳に署名するルート鍵 ※"),
        "tenant.directory_version": Key("Ⅲ 2. 受け入れる公開鍵台帳の最も古い版 ※", "formal", "weaker"),
        "tenant.administrators.*": Material("Ⅲ 3. ユーザID管理者の証明書", told=True),
        "tenant.review.log_days": _limit("Ⅲ 3. 記録の点検の間隔 ※", _days),
        "tenant.review.users_days": _limit("Ⅲ 3. 利用者の点検の間隔 ※", _days),
        **{f"tenant.review.hours.{key}": rule for key, rule in _HOURS.items()},
        "tenant.review.hours_of.*": Key("Ⅲ 3. 接続ごとの執務時間 {}"),
        **{f"tenant.review.hours_of.*.{key}": rule for key, rule in _HOURS.items()},
        "tenant.review.burst_times": _limit("Ⅲ 3. 確認事項とする急増の倍率 ※"),
        "tenant.review.burst_facts": _limit("Ⅲ 3. 確認事項とする急増の件数 ※"),
        "tenant.review.persons_a_day": _limit("Ⅲ 3. 確認事項とする1日の人数 ※"),
        "tenant.review.refusals_a_day": _limit("Ⅲ 3. 確認事項とする1日の拒否の件数 ※"),
        "tenant.connectors.*.responsible": Key("Ⅲ 3. {}の自動処理の責任者", says=lambda _: "設定あり"),
        "tenant.connectors.*.certificates": Material("Ⅰ 2. {}の登録した証明書", told=True),
        "tenant.connectors.*.settings.*": Material("Ⅰ 2. {}の設定 {}", told=True),
        "tenant.routes.*.row_field": Key("Ⅰ 6. 経路 {} の根拠の項を示す項目", says=lambda field: field or "なし"),
        "tenant.routes.*.message_seconds": _limit("Ⅱ 6. 経路 {} の届かない電文を送り続ける期間", _seconds),
        "tenant.routes.*.keep_seconds": _limit("Ⅱ 6. 経路 {} の保管期間", _after),
        "former.*": Key("Ⅲ 2. 以前の固定定義で封をした電文の受入れ {}"),
        "former.*.until": Key("Ⅲ 2. 以前の固定定義で封をした電文の受入れ {} の期限", "unjudged", "lighter"),
    }
)
PUBLIC_SETTINGS: Final = re.compile(r"(?:.*[._])?(?:certificate|ca|jwks)")
"""How those settings of connectors are called whose files are public. Of no other is a file read."""

_PRIVATE: Final = "a private key: it is not read, and its certificate is compared"
_AMOUNT: Final = "how much is taken in at once, and not what, whose or whither"
_PACE: Final = "when something is tried again within the time that message_seconds allows"
_SIGNED: Final = "signed by the root key, which is compared"
IRRELEVANT: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "gateway.listeners.*.key",
                "gateway.admin.key",
                "gateway.link.listen.key",
                "gateway.link.hub.key",
                "gateway.exports.*.syslog.key",
            ),
            _PRIVATE,
        ),
        **dict.fromkeys(
            (f"gateway.limits.{key}" for key in ("body_bytes", "records_per_message", "open_records", "lanes")), _AMOUNT
        ),
        "gateway.limits.in_flight": _AMOUNT,
        **dict.fromkeys(
            (f"gateway.limits.{key}" for key in ("delivery_deadline", "request_patience", "retry_first")), _PACE
        ),
        **dict.fromkeys((f"gateway.limits.{key}" for key in ("retry_longest", "attempts", "drain_seconds")), _PACE),
        "gateway.journal.wal_bytes": "a size of the store's own",
        "zones.*": "a zone without systems: a system that is in it is told of with it",
        "tenant.directory": _SIGNED,
        "tenant.bodies.*": "how reports call other bodies; whom they are, their codes say",
        "tenant.connectors.*.required": "whether all stops if it cannot be loaded: by that nothing passes",
        "legal_basis.*": "no route cites it; what one cites is told with the route",
        "contract.connector": "it is the file's name",
        **dict.fromkeys(
            (
                "contract.operations.*",
                "contract.operations.*.name",
                "contract.operations.*.direction",
                *(f"contract.operations.*.{part}.*{key}" for part in ("fields", "reply") for key in ("", ".path")),
            ),
            "nothing goes by it; what goes by a route is told with the route",
        ),
    }
)
"""What touches no person's data and no safeguard."""
