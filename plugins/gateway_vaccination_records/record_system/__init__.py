"""予診情報・予防接種記録管理／請求支払システム (S10) as a service of its own, with its own database.

A municipality can start with this one and point the connector at the national one later. It knows nothing of the
gateway: it speaks the HTTP API of the README to whoever holds a pinned client certificate.
"""
