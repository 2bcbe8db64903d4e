"""What peers show of a person: a proof holds as it was made, for that person, for a time, and not otherwise."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, cast

from gateway.errors import Deferred, Refused
from gateway.plugin.attest import Attests, Proven, Shown
from gateway.plugin.connector import Connector
from gateway.plugin.contract import ContractOperation
from gateway.plugin.testing.scene import Scene
from gateway.plugin.testing.stage import Stage
from gateway.plugin.testing.verdict import Broken, Inapplicable

_PLACES: Final = 48
"""In so many places of a proof one character is changed."""
_UNSIGNED: Final = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()


async def attests(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene() as scene, scene.opened() as connector:
        if not hasattr(connector, "attest"):
            raise Inapplicable("no peer shows it a proof")
        person, other = scene.persons(2)
        shown = await _shown(scene, person)
        for operation, good in shown:
            proven = _proven(connector, good)
            if proven is None:
                raise Broken(f"{operation.name}: a good proof is refused", "mend Subject.shown, or what is asked of it")
            _as_declared(stage, operation, proven)
            records = (scene.subject.record("sends", operation.name, each) for each in (person, other))
            _about_one(operation, proven.bound, *records)
            _ends(connector, operation, proven, good)
        another = await _shown(scene, other)
        for what, proof in _falsified(shown[0][1].proof, another[0][1].proof):
            if _proven(connector, _with(shown[0][1], proof)) is not None:
                raise Broken(f"a proof holds {what}", "let all of it count, in the one way in which it is written")
        if any(good.proof in f"{event} {known!r}" for event, known in scene.line.lines for _, good in shown):
            raise Broken("a proof is in a line of its log", "say what happened by a code alone")


async def _shown(scene: Scene, person: int) -> list[tuple[ContractOperation, Shown]]:
    """A good proof of the person for each operation that has one. Raises Broken if none has."""
    operations = scene.stage.operations("sends")
    shown = [(each, await scene.subject.shown(scene.system, each.name, person)) for each in operations]
    return [(operation, good) for operation, good in shown if good is not None] or _nothing_shown()


def _nothing_shown() -> Any:
    raise Broken("nothing is known that it attests", "let Subject.shown give a good proof")


def _with(shown: Shown, proof: str) -> Shown:
    return Shown(shown.operation, proof, shown.fingerprint, shown.now, shown.certificate)


def _proven(connector: Connector, shown: Shown) -> Proven | None:
    """What is proven; None if it is refused. Raises Broken."""
    try:
        proven: object = cast(Attests, connector).attest(shown)
    except Refused as refused:
        if shown.proof and shown.proof in f"{refused} {refused!r} {refused.__cause__!r}":
            raise Broken("its refusal shows the proof", "say not_attested, with a Reason") from None
        return None
    except Deferred:
        raise Broken("attest defers a proof while it is open", "judge by what was read in open()") from None
    except Exception as error:
        raise Broken(
            f"attest raised {type(error).__name__}", 'raise Refused("not_attested") for all that fails'
        ) from error
    if not isinstance(proven, Proven):
        raise Broken("attest answered something that is not Proven", "answer Proven, or refuse")
    return proven


def _as_declared(stage: Stage, operation: ContractOperation, proven: Proven) -> None:
    claims = {each.name for each in proven.claims}
    if beyond := sorted(claims - stage.spec.attests):
        raise Broken(
            f"it attests {', '.join(beyond)}, which its spec does not name", "name it in ConnectorSpec.attests"
        )
    if lacking := sorted({*operation.attests} - claims):
        raise Broken(
            f"{operation.name}: a good proof does not bear out {', '.join(lacking)}, without which no route carries it",
            "mend Subject.shown, or Operation.attests",
        )


def _about_one(
    operation: ContractOperation, bound: Mapping[str, str], own: Mapping[str, Any], others: Mapping[str, Any]
) -> None:
    if any(own.get(name) != value for name, value in bound.items()):
        raise Broken(
            f"{operation.name}: a good proof is bound to other values than its record has", "bind as it names them"
        )
    if all(others.get(name) == value for name, value in bound.items()):
        raise Broken(
            f"{operation.name}: a proof holds for another person's record", "bind the field that names the person"
        )


def _ends(connector: Connector, operation: ContractOperation, proven: Proven, good: Shown) -> None:
    """A claim that has ended is not told, and one that is told has not ended."""
    ends = [each.until for each in proven.claims if each.until is not None]
    for now in (good.now, *(until + timedelta(seconds=1) for until in ends)):
        then = _proven(connector, replace(good, now=now))
        if then is not None and any(each.until is not None and each.until <= now for each in then.claims):
            raise Broken(f"{operation.name}: it attests what has ended", "hold each claim's end against shown.now")


def _falsified(proof: str, anothers: str) -> Iterator[tuple[str, str]]:
    """What was done to it, and the text that came of it."""
    for place in range(0, len(proof), max(1, len(proof) // _PLACES)):
        changed = "0" if proof[place] not in "0Oo" else "1"
        yield "with one character changed", f"{proof[:place]}{changed}{proof[place + 1 :]}"
    yield from (("cut short", proof[: len(proof) * part // 8]) for part in range(1, 8))
    yield "cut short by one character", proof[:-1]
    yield from (("with more behind it", proof + more) for more in ("=", ".", "A", proof))
    yield "with more before it", f"A{proof}"
    yield from (("in other letters", each) for each in (proof.swapcase(), proof.lower()) if each != proof)
    parts, others = proof.split("."), anothers.split(".")
    if len(parts) == len(others) == 3:  # a signed token (RFC 7515)
        yield "with what another one says", f"{parts[0]}.{others[1]}.{parts[2]}"
        yield "with another one's signature", f"{parts[0]}.{parts[1]}.{others[2]}"
        yield from (("without a signature", f"{_UNSIGNED}.{parts[1]}.{last}") for last in ("", parts[2]))
