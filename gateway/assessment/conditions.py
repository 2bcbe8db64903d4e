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
    """The routes whose messages a permit of the information provision network is attested for, or may be."""
    return [each for each in subject.routes if "permit" in (*each.attest, *each.may_attest)]


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
    ends = {each.source for each in network_routes(subject)}
    answers = [each for each in routes if each.source in ends]
    needed = any(claim in each.attest for each in answers)
    return needed and all(claim in (*each.attest, *each.may_attest) for each in answers)


def _network(subject: Subject, word: str) -> bool:
    """`network answers`: there are such routes; `network kept`: each says how long its payloads are kept."""
    routes = network_routes(subject)
    return bool(routes) and (word == "answers" or all(each.keep_seconds is not None for each in routes))


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
        "people": lambda subject: bool(subject.tenant.file.administrators),
        "reply": _reply,
        "requests": lambda subject: any(each.reply_fields for each in subject.routes),
        "versions": lambda subject: any(flow.operation.version for flow in subject.flows()),
        "witnesses": lambda subject: bool(subject.config.gateway.witnesses),
    }
)
