"""システム連携基盤 and 中間サーバー, and through them 情報提供ネットワークシステム."""
