"""Ⅳ, Ⅴ and Ⅵ: what people alone can say, and the little that software adds to it."""

from collections.abc import Iterator

from gateway.assessment.blanks import Blanks
from gateway.assessment.document import Block, Heading, Text, form
from gateway.assessment.subject import Subject


def other_risks(subject: Subject, blanks: Blanks) -> Iterator[Block]:
    """Ⅳ."""
    ask, review = blanks.ask, subject.tenant.file.review
    yield Heading(2, "Ⅳ その他のリスク対策 ※")
    yield form(
        ("1. 監査 ①自己点検", ask("IV-1-1", "自己点検の方法")),
        (
            "1. 監査 ②監査",
            ask("IV-1-2", "監査の方法") + f"\nゲートウェイの設定: 記録の点検は {review.log_days} 日ごと、"
            f"利用者の点検は {review.users_days} 日ごとに期限となる。期限内に点検したかは、設定ではなく記録で分かる。",
        ),
        ("2. 従業者に対する教育・啓発", ask("IV-2", "従業者に対する教育・啓発")),
        ("3. その他のリスク対策", ask("IV-3", "その他のリスク対策")),
    )


def requests(blanks: Blanks) -> Iterator[Block]:
    """Ⅴ."""
    ask = blanks.ask
    yield Heading(2, "Ⅴ 開示請求、問合せ")
    yield form(
        ("1. ①請求先", ask("V-1-1", "開示・訂正・利用停止請求の請求先")),
        ("②請求方法", ask("V-1-2", "請求方法")),
        ("③手数料等", ask("V-1-3", "手数料等")),
        ("④個人情報ファイル簿の公表", ask("V-1-4", "個人情報ファイル簿の公表")),
        ("⑤法令による特別の手続", ask("V-1-5", "法令による特別の手続")),
        ("⑥個人情報ファイル簿への不記載等", ask("V-1-6", "個人情報ファイル簿への不記載等")),
        ("2. ①連絡先", ask("V-2-1", "問合せの連絡先")),
        ("②対応方法", ask("V-2-2", "問合せへの対応方法")),
    )
    yield Text("ゲートウェイの記録から、本人に関する提供の記録を作ることができます(gateway log report disclosure)。")


def procedure(blanks: Blanks) -> Iterator[Block]:
    """Ⅵ."""
    ask = blanks.ask
    yield Heading(2, "Ⅵ 評価実施手続")
    yield form(
        ("1. 基礎項目評価", ask("VI-1", "基礎項目評価の実施日としきい値判断結果")),
        ("2. 国民・住民等からの意見の聴取", ask("VI-2", "意見聴取の方法、期間、主な意見、反映")),
        ("3. 第三者点検", ask("VI-3", "第三者点検の実施日、方法、結果")),
        ("4. 個人情報保護委員会の承認【行政機関等のみ】", ask("VI-4", "承認")),
    )
    yield Heading(2, "(別添3) 変更箇所")
    yield Text("前の設定と比べた変更箇所は、gateway assessment diff が作成します。")
