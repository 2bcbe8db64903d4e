"""What platform and server take, tell the city, and give out. The rows of the table are L4 and L5.

Of tax and welfare there is what other bodies answer, on its way to the city, and nothing else (rule 8).
"""

from typing import Final

from gateway.plugin import DataClass, Interface
from gateway_intermediate_server.interface import city, network

INTERFACE: Final = Interface(
    connector="intermediate_server",
    label="中間サーバー",
    version="1",
    codes={
        "dataset_not_managed": "この団体が管理しない特定個人情報",
        "record_no_taken": "レコード識別番号は他の副本に使われている",
        "unknown_addressee": "団体内統合宛名番号が付番されていない",
        "number_known_otherwise": "個人番号は他の内部番号に付番されている",
        "code_not_acquired": "符号が取得されていない",
        "not_on_matching_list": "照会許可用照合リストにない",
        "permit_pending": "情報提供許可証を待っている",
        "permit_denied": "情報提供許可証が発行されなかった",
        "permit_not_valid": "情報提供許可証が正しくない",
        "not_yet_valid": "情報提供ネットワークシステムの署名の有効期間が始まっていない",
        "inquiry_no_taken": "照会番号は他の照会に使われている",
        "overtaken": "提供内容の作成後に状況が変わった",
        "no_inquirer_key": "情報照会者の暗号化鍵がない",
        "provided_otherwise": "他の内容で回答済み",
    },
    never=frozenset({DataClass.CONTACT}),
    operations=(*city.OPERATIONS, *network.OPERATIONS),
)
