"""The HTTPS entrance as an OpenAPI 3.1 document: each operation at its address, and how to ask what became of it."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final

from gateway.interfaces.answers import (
    ARRIVING,
    ASKING,
    DESCRIPTION,
    FORMS,
    MESSAGE_ID,
    PROOF,
    RETRY_AFTER,
    STATUS,
    closed,
    problems,
    replies,
)
from gateway.interfaces.described import ANY_TENANT, Described
from gateway.interfaces.parameters import parameters
from gateway.interfaces.schema import DIALECT, record_schema

_ABOUT: Final = (
    "Drawn from the locked interfaces. Records go in arrays; each is taken or refused by itself. What is refused is "
    "told by a stable code (`code`), with no value quoted. Any other address is refused with 404 `unknown_operation`, "
    "another method with 405 `wrong_method`, each recorded in the log. What `x-renkei-check` says in words is checked "
    "besides.\n\n"
    "固定定義から作成しています。レコードは配列で送り、1件ごとに受付又は拒否されます。拒否の理由は符号(`code`)で返し、"
    "値は返しません。`x-renkei-check` の検査も行います。"
)


def openapi(described: Iterable[Described]) -> dict[str, Any]:
    """The document of these operations, in their order; of none, how to ask what became of a message."""
    every = tuple(described)
    contracts = {each.contract.connector: each.contract for each in every}
    requests = [each for each in every if each.operation.kind == "request"]
    title = "、".join(each.label or name for name, each in contracts.items())
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": f"Renkei Gateway: {title}" if title else "Renkei Gateway",
            "version": ", ".join(each.version for each in contracts.values()) or "0",
            "description": _ABOUT,
            "x-renkei-interfaces": {name: each.digest() for name, each in contracts.items()},
        },
        "security": [{"mutualTLS": []}],
        "paths": {each.path: _address(each) for each in every} | _messages(requests),
        "components": {
            "securitySchemes": {
                "mutualTLS": {"type": "mutualTLS", "description": "A client certificate, pinned to its system."}
            },
            "schemas": {**FORMS, "Status": _status(requests), **_records(every)},
        },
    }


def _records(every: Iterable[Described]) -> dict[str, Any]:
    """Of each operation once, whichever tenants have it."""
    found: dict[str, Any] = {}
    for each in every:
        operation = each.operation
        found[_key(each)] = {"title": operation.label, **record_schema(operation.fields)}
        if operation.kind == "request":
            found[_reply_key(each)] = {"title": f"{operation.label}(応答)", **record_schema(operation.reply)}
    return found


def _key(each: Described) -> str:
    """What it is called among the schemas."""
    return f"{each.contract.connector}.{each.operation.name}"


def _reply_key(each: Described) -> str:
    return f"{_key(each)}-reply"  # no operation has a hyphen in its name, so none is called like another's reply


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _address(each: Described) -> dict[str, Any]:
    operation, asks = each.operation, each.operation.kind == "request"
    records: dict[str, Any] = {"type": "array", "minItems": 1, "items": _ref(_key(each))}
    if each.most is not None:
        records["maxItems"] = each.most
    posted = {
        "operationId": "-".join((*([] if each.tenant == ANY_TENANT else [each.tenant]), _key(each))),
        "tags": [each.contract.connector],
        "summary": operation.label,
        "description": _told(each),
        "parameters": parameters(each),
        "requestBody": {"required": True, "content": {"application/json": {"schema": records}}},
        "responses": (_answered(each) if asks else {})
        | {"202": _recorded(asks)}
        | problems(ASKING if asks else ARRIVING),
        "x-renkei-person-key": operation.person_key,
    }
    named = {"x-renkei-attests": list(each.proven), "x-renkei-codes": {**each.codes}}
    return {"post": posted | {name: told for name, told in named.items() if told}}


def _told(each: Described) -> str:
    """What no other part of the document says of it."""
    operation = each.operation
    told = ["A request: it is answered." if operation.kind == "request" else "An event: it is recorded and delivered."]
    if not each.pinned:
        told.insert(0, "No certificate is pinned to this system: whoever posts here gets 403 `unknown_certificate`.")
    if operation.version:
        told.append(
            f"Of two states of one person the newer one is that with the higher {', '.join(operation.version)}."
        )
    if operation.ahead:
        told.append("It waits for nothing else about its person.")
    if each.withheld:
        told.append(f"Taken and carried no further, for its route does not list them: {_quoted(each.withheld)}.")
    if each.reply_withheld:
        told.append(f"In no answer, for its route does not list them: {_quoted(each.reply_withheld)}.")
    if each.proven:
        told.append(f"Renkei-Proof must prove {', '.join(each.proven)}.")
    if each.codes:
        told.append(f"The destination's own codes: {_quoted(each.codes)}.")
    return " ".join(told)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{each}`" for each in names)


def _answered(each: Described) -> dict[str, Any]:
    body = closed({"message_id": MESSAGE_ID, "replies": replies(_ref(_reply_key(each)))})
    return {"200": _ok("The answers.", body)}


def _recorded(asks: bool) -> dict[str, Any]:  # noqa: FBT001
    told = "It is recorded; its answer has not come yet." if asks else "It is recorded, and will be delivered."
    where = {"description": "Where to ask what became of it.", "required": True, "schema": {"type": "string"}}
    headers: dict[str, Any] = {"Location": where} | (RETRY_AFTER if asks else {})
    return _ok(told, _ref("Recorded")) | {"headers": headers}


def _ok(told: str, schema: dict[str, Any], form: str = "application/json") -> dict[str, Any]:
    return {"description": told, "content": {form: {"schema": schema}}}


def _status(requests: Sequence[Described]) -> dict[str, Any]:
    answers = [_ref(name) for name in dict.fromkeys(map(_reply_key, requests))]
    properties = {
        "message_id": MESSAGE_ID,
        "kind": {"enum": ["event", "request"]},
        "ended": {"type": "boolean"},
        "outcomes": _ref("Outcomes"),
    }
    if answers:
        properties["replies"] = replies({"anyOf": answers})
    return closed(properties, optional=("replies",))


def _messages(requests: Sequence[Described]) -> dict[str, Any]:
    which = {"name": "message_id", "in": "path", "required": True, "schema": MESSAGE_ID}
    answered = " and its answers, but those to a proof: they are asked for again with it" if requests else ""
    proof = "A proof that the log has the message (c2sp.org/tlog-proof)."
    addresses = {
        "/v1/messages/{message_id}": (
            "status",
            "結果の照会",
            f"How each record of a message of yours ended{answered}.",
            _ok("What became of it.", _ref("Status")),
            STATUS,
        ),
        "/v1/messages/{message_id}/proof": (
            "proof",
            "記録証明の取得",
            proof,
            _ok(proof, {"type": "string"}, "text/plain"),
            PROOF,
        ),
        "/openapi.json": (
            "description",
            "この文書",
            "This document.",
            _ok("What your certificate may call here.", {"type": "object"}),
            DESCRIPTION,
        ),
    }
    return {
        path: {
            "get": {
                "operationId": name,
                "summary": label,
                "description": told,
                "parameters": [which] if "{" in path else [],
                "responses": {str(int(HTTPStatus.OK)): ok, **problems(codes)},
            }
        }
        for path, (name, label, told, ok, codes) in addresses.items()
    }
