"""What goes beside a body: the tenant, in an address that is of no one tenant, and the headers of the entrance."""

from typing import Any, Final

from gateway.interfaces.described import ANY_TENANT, Described

_TENANT: Final = {
    "name": "tenant",
    "in": "path",
    "required": True,
    "description": "自治体: the municipality's code, for which the certificate speaks.",
    "schema": {"type": "string", "pattern": "^[0-9]{6}$"},
}
_STAFF: Final = {
    "type": "string",
    "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$",
    "x-renkei-check": [
        {
            "name": "staff_id",
            "en": "Fewer than 12 digits, whatever of ._- stands between them.",
            "ja": "数字は12桁未満(._-を除いて数える)。",
        }
    ],
}
_HEADERS: Final = (
    (
        "Idempotency-Key",
        "再送の識別: the same key with the same body is the same message, and has its first answer again.",
        {"type": "string", "pattern": "^[!-~]{1,128}$"},
    ),
    ("Renkei-Actor", "操作者: the staff id of whoever acts; it stands in the log.", _STAFF),
    ("Renkei-Terminal", "端末: where that person sits; it stands in the log.", _STAFF),
)


def parameters(each: Described) -> list[dict[str, Any]]:
    """Those of one operation at its address."""
    plain = [
        {"name": name, "in": "header", "required": False, "description": told, "schema": schema}
        for name, told, schema in _HEADERS
    ]
    proof = {
        "name": "Renkei-Proof",
        "in": "header",
        "required": bool(each.proven),
        "description": "提示された証明: what proves the person or the consent; it goes no further than its edge.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,8000}$"},
    }
    return [*([_TENANT] if each.tenant == ANY_TENANT else []), *plain, proof]
