"""A fact as a syslog message (RFC 5424), framed by its length for TLS (RFC 5425 §4.3).

Its words are in a structured data element of ours; the text is one of a fixed few. No value can be in either.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.hub.exports.copy import Copy
from gateway.hub.journal import FactKind

_AUDIT: Final = 13
"""The facility "log audit" (RFC 5424, table 1)."""
_ERROR, _WARNING, _NOTICE, _INFO = 3, 4, 5, 6
KINDS: Final[Mapping[FactKind, tuple[int, str]]] = MappingProxyType(
    {
        FactKind.MESSAGE_RECORDED: (_INFO, "a message was recorded"),
        FactKind.MESSAGE_REPEATED: (_INFO, "a message came again and got the first answer"),
        FactKind.MESSAGE_REFUSED: (_WARNING, "a message was refused"),
        FactKind.REPLY_FETCHED: (_INFO, "a reply was given out once more"),
        FactKind.DELIVERY_ATTEMPTED: (_INFO, "records are about to be handed over"),
        FactKind.DELIVERY_CONCLUDED: (_INFO, "an attempt to hand over has ended"),
        FactKind.MESSAGE_DEAD: (_ERROR, "records were given up"),
        FactKind.MESSAGE_REPLAYED: (_NOTICE, "dead records are due again"),
        FactKind.ENVELOPE_DELETED: (_INFO, "a sealed payload was deleted"),
        FactKind.HOLD_PLACED: (_NOTICE, "a message waits to be released by people"),
        FactKind.HOLD_LOOKED: (_NOTICE, "a held message was given out to be looked at"),
        FactKind.HOLD_SHOWN: (_NOTICE, "a held message was shown"),
        FactKind.HOLD_APPROVED: (_NOTICE, "a held message was approved by the first of two"),
        FactKind.HOLD_LAPSED: (_WARNING, "an approval counts no more"),
        FactKind.HOLD_RELEASED: (_NOTICE, "a held message was released"),
        FactKind.HOLD_REFUSED: (_NOTICE, "a held message was refused"),
        FactKind.CONNECTOR_NOTED: (_INFO, "a connector told of an act of its own"),
        FactKind.NOISE_COUNTED: (_WARNING, "somebody unknown knocked"),
        FactKind.GATEWAY_STARTED: (_NOTICE, "the gateway started"),
        FactKind.GATEWAY_STOPPED: (_NOTICE, "the gateway stopped in good order"),
        FactKind.GATEWAY_REFUSED_TO_START: (_ERROR, "the gateway refused to start"),
        FactKind.LOGS_RESTORED: (_WARNING, "the logs were put back from a backup"),
        FactKind.LOG_SUCCEEDED: (_WARNING, "this log follows one that was lost"),
        FactKind.LOGS_COPIED: (_NOTICE, "a copy of logs is made"),
        FactKind.COPY_DESTROYED: (_NOTICE, "a copy of logs was destroyed, as somebody says"),
        FactKind.EDGE_LINKED: (_NOTICE, "an edge process came in over the link"),
        FactKind.EDGE_UNLINKED: (_NOTICE, "the link to an edge process ended"),
        FactKind.CONFIG_APPLIED: (_NOTICE, "another configuration is in force"),
        FactKind.CONFIG_REFUSED: (_WARNING, "a configuration was refused"),
        FactKind.OPERATOR_ACTED: (_NOTICE, "somebody looked at something, or was refused it"),
        FactKind.PERSON_GRANTED: (_NOTICE, "a right was granted to a person"),
        FactKind.PERSON_REVOKED: (_NOTICE, "a right of a person ended"),
        FactKind.MESSAGE_UNDISCLOSED: (_NOTICE, "an exchange is not to be disclosed any more"),
        FactKind.FACTS_PURGED: (_NOTICE, "old facts were purged"),
        FactKind.TRAIL_ERASED: (_NOTICE, "a trail was erased"),
        FactKind.LEGAL_HOLD_PLACED: (_NOTICE, "a legal hold was placed"),
        FactKind.LEGAL_HOLD_LIFTED: (_NOTICE, "a legal hold was lifted"),
        FactKind.REVIEW_SIGNED: (_NOTICE, "a review was signed"),
        FactKind.FINDING_OPENED: (_WARNING, "something is to be looked into"),
        FactKind.FINDING_TAKEN: (_NOTICE, "somebody looks into a finding"),
        FactKind.FINDING_CLOSED: (_NOTICE, "a finding was closed"),
        FactKind.USE_STOPPED: (_NOTICE, "the use of a person's data is to stop at a connector"),
        FactKind.USE_RESUMED: (_NOTICE, "the use of a person's data may go on at a connector"),
    }
)
"""Severity and text of each kind of fact."""
_NAMED: Final = ("destination", "operation", "route", "code", "reason", "terminal", "act", "role", "outcome")
_ESCAPED: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "]": "\\]"})


def syslog_frame(copy: Copy, *, host: str, enterprise: int) -> bytes:
    """The message behind its length. `host` is the gateway's name, `enterprise` the private enterprise number under
    which the structured data stands (RFC 5424 §7.2.2).
    """
    severity, text = KINDS[copy.kind]
    words = " ".join(f'{name}="{value.translate(_ESCAPED)}"' for name, value in _words(copy).items())
    header = f"<{_AUDIT * 8 + severity}>1 {copy.fact['at']} {host} renkei-gateway - {copy.kind}"
    message = f"{header} [fact@{enterprise} {words}] \ufeff{text}".encode()
    return b"%d %b" % (len(message), message)


def _words(copy: Copy) -> dict[str, str]:
    found = {
        "tenant": copy.log,
        "seq": str(copy.fact["seq"]),
        "commitment": copy.commitment.hex(),
        "message": copy.fact.get("message_id"),
        "undisclosed": "true" if copy.hidden else None,
        "source": copy.source,
        "person": copy.person,
        "about": copy.about,
        **{name: copy.said(name) for name in _NAMED},
    }
    return {name: value for name, value in found.items() if value is not None}
