"""The stand-in for 履歴照会回答システム, and 被保険者番号 behind it. It imports nothing of the gateway."""
