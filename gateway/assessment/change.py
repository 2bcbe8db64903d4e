"""One line of the change table (別添3 変更箇所), and whether it is likely a 重要な変更.

The form marks with ※ the items whose change is one (特定個人情報保護評価指針, 別表): such a change is assessed and
published before it takes effect. A change of names, or one that plainly lessens a risk, is none. This is a likelihood
that software can see, and no judgement: people decide.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

Kind = Literal[
    "new_recipient",
    "new_source",
    "new_system",
    "new_item",
    "new_class",
    "new_basis",
    "new_purpose",
    "new_means",
    "weaker",
    "narrower",
    "lighter",
    "formal",
    "follows",
    "unjudged",
]
IMPORTANT: Final[dict[Kind, str]] = {
    "new_recipient": "重要な変更(新たな提供先・移転先・委託先)",
    "new_source": "重要な変更(新たな入手元)",
    "new_system": "重要な変更(新たなシステムとの接続)",
    "new_item": "重要な変更(記録項目の追加)",
    "new_class": "重要な変更(新たな情報区分の記録項目)",
    "new_basis": "重要な変更(新たな法令上の根拠)",
    "new_purpose": "重要な変更(使用目的・使用方法)",
    "new_means": "重要な変更(入手・提供の方法)",
    "weaker": "重要な変更(リスク対策を弱める変更)",
}
_OTHER: Final[dict[Kind, str]] = {
    "narrower": "重要な変更に該当しない(取扱いを減らす変更)",
    "lighter": "重要な変更に該当しない(リスクを明らかに軽減する変更)",
    "formal": "重要な変更に該当しない(形式的な変更)",
    "follows": "ほかの行の変更に伴うもの(重要な変更に当たるかは、その行による)",
    "unjudged": "重要な変更に当たるかは、設定からは判断できない(人が判断する)",
}


@dataclass(frozen=True, slots=True)
class Change:
    """What the form said and says now, under which item. `routes` are those that it is about; none for all of the
    tenant.
    """

    item: str
    before: str
    after: str
    kind: Kind
    routes: tuple[str, ...] = ()

    @property
    def important(self) -> bool:
        """Whether it is likely a 重要な変更."""
        return self.kind in IMPORTANT

    @property
    def why(self) -> str:
        """提出時期に係る説明."""
        return IMPORTANT[self.kind] if self.kind in IMPORTANT else _OTHER[self.kind]


@dataclass(frozen=True, slots=True)
class Row:
    """A change with the assessment that covers it: its id, and its first day, on which the change may take effect. An
    important one without is not covered.
    """

    change: Change
    assessment: str | None
    day: date | None

    @property
    def covered(self) -> bool:
        """Whether it may take effect: it is not important, or a newer assessment has it."""
        return not self.change.important or self.day is not None

    @property
    def when(self) -> str:
        """提出時期: before it takes effect, or after; blank where that is not for software to say."""
        if self.change.kind in {"unjudged", "follows"}:
            return "【記入：提出時期】"
        return "事前" if self.change.important else "事後"
