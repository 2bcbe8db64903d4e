"""The words by which a safeguard says when it concerns a configuration, and when it is in force there.

Each is a question to the subject, with the arguments that stand behind the word. There is none that people answer.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from gateway.assessment.subject import Subject
from gateway.config import Route

Condition = Callable[..., bool]


def holds(subject: Subject, condition: str) -> bool:
    """Whether `word argument ...` is so. Raises KeyError for a word that there is not."""
    word, *arguments = condition.split()
    return CONDITIONS[word](subject, *arguments)


def network_routes(subject: Subject) -> list[Route]:
    """The routes of 情報照会 and 情報提供: by what their law allows, or by the permit that is attested, or may be."""
    return [each for each in subject.routes if subject.allowed(each) in {"inquiry", "provision"} or _permitted(each)]


def passphrase_source(subject: Subject) -> str:
    """The kind of the reference to the passphrase: `file`, `env` or `systemd`."""
    return subject.config.gateway.passphrase.partition(":")[0]


def dialled(subject: Subject) -> list[str]:
    """The connectors whose systems the gateway goes to."""
    return [name for name, each in subject.connectors.items() if any(key.endswith("_url") for key in each.settings)]


def held_routes(subject: Subject) -> list[Route]:
    """The routes on which something is held for people to look at, or may be."""
    return [each for each in subject.routes if each.hold or "review" in (*each.attest, *each.may_attest)]


def _inquiry(subject: Subject, word: str, claim: str = "") -> bool:
    """`inquiry rows`: each route goes under rows. `inquiry attests CLAIM`: of the routes by which answers come, from
    wherever the network's word comes, some need the claim and all have it or may.
    """
    routes = [each for each in subject.routes if subject.allowed(each) == "inquiry"]
    if word == "rows":
        return all(each.rows for each in routes)
    ends = {each.source for each in subject.routes if _permitted(each)}
    answers = [each for each in routes if each.source in ends]
    needed = any(claim in each.attest for each in answers)
    return needed and all(claim in (*each.attest, *each.may_attest) for each in answers)


def _network(subject: Subject, word: str) -> bool:
    """`network there`: there are such routes; `network kept`, `network all_kept`: some say how long their payloads are
    kept, or each does.
    """
    kept = [each.keep_seconds is not None for each in network_routes(subject)]
    return {"there": bool(kept), "kept": any(kept), "all_kept": all(kept)}[word]


def _permitted(route: Route) -> bool:
    return "permit" in (*route.attest, *route.may_attest)


def _reply(subject: Subject, *paths: str) -> bool:
    return any({*each.reply_fields} == {*paths} for each in subject.routes)


def _item(subject: Subject, name: str) -> bool:
    return any(
        path.rpartition(".")[2] == name for each in subject.routes for path in (*each.fields, *each.reply_fields)
    )


def _free_text(subject: Subject) -> bool:
    return any(field.kind == "text" for flow in subject.flows() for field in flow.fields)


CONDITIONS: Final[Mapping[str, Condition]] = MappingProxyType(
    {
        "allows": lambda subject, kind: any(subject.allowed(each) == kind for each in subject.routes),
        "apart": lambda subject: subject.config.gateway.link is not None,
        "attests": lambda subject, claim: any(claim in each.attest for each in subject.routes),
        "carries": lambda subject, some: any(some in flow.classes for flow in subject.flows()),
        "connector": lambda subject, name: name in subject.connectors,
        "dials": lambda subject: bool(dialled(subject)),
        "exports": lambda subject: any(subject.tenant.code in each.tenants for each in subject.config.gateway.exports),
        "free_text": _free_text,
        "governor": lambda subject: any(
            basis.counterparty == "governor" for each in subject.routes for _, basis in subject.law(each)
        ),
        "holds": lambda subject: bool(held_routes(subject)),
        "inquiry": _inquiry,
        "internet": lambda subject: any(subject.zone(each).internet for each in subject.connectors),
        "item": _item,
        "network": _network,
        "operation": lambda subject, name: any(each.operation == name for each in subject.routes),
        "passphrase": lambda subject, _: passphrase_source(subject) != "file",
        "people": lambda subject: bool(subject.tenant.file.administrators),
        "reply": _reply,
        "requests": lambda subject: any(each.reply_fields for each in subject.routes),
        "versions": lambda subject: any(flow.operation.version for flow in subject.flows()),
        "witnesses": lambda subject: bool(subject.config.gateway.witnesses),
    }
)
