"""A stand-in for システム連携基盤, 中間サーバー, 情報提供ネットワークシステム and other bodies.

The rule: no code of the connector's.
"""
