"""What stands against the risks, from `safeguards.toml`, and what of it the configuration brings about."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from gateway.assessment.conditions import dialled, held_routes, holds, network_routes, passphrase_source
from gateway.assessment.duration import told
from gateway.assessment.subject import Subject
from gateway.config.files import Closed
from gateway.evidence.purged import KEPT_YEARS

_PASSPHRASES: Final = MappingProxyType({"systemd": "systemd のクレデンシャル", "env": "環境変数"})


class Safeguard(Closed):
    """One sentence of Ⅲ with its conditions, the code that enforces it and the tests that prove it, both as paths of
    the source tree. `otherwise` says what lacks where it is not in force.
    """

    risks: tuple[Annotated[str, StringConstraints(pattern=r"^[2-7]\.[1-7]$")], ...] = Field(min_length=1)
    cites: tuple[Annotated[str, StringConstraints(pattern=r"^C[0-9]{3}$")], ...] = Field(min_length=1)
    concerns: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    says: str
    otherwise: str = ""
    enforced: tuple[str, ...] = Field(min_length=1)
    proven: tuple[str, ...] = Field(min_length=1)


class _File(Closed):
    safeguard: dict[str, Safeguard]


@dataclass(frozen=True, slots=True)
class Judged:
    """One safeguard that concerns the subject: whether it is in force there, and what the document says of it."""

    name: str
    safeguard: Safeguard
    in_force: bool
    says: str


@cache
def safeguards() -> dict[str, Safeguard]:
    """All of them by name, in the order of the file."""
    text = (files("gateway.assessment") / "safeguards.toml").read_text(encoding="utf-8")
    return _File.model_validate(tomllib.loads(text)).safeguard


def judged(subject: Subject) -> Iterator[Judged]:
    """What concerns the subject. What does not bring about what it says is told by what lacks, and never claimed."""
    figures = _figures(subject)
    for name, each in safeguards().items():
        if not all(holds(subject, condition) for condition in each.concerns):
            continue
        in_force = all(holds(subject, condition) for condition in each.when)
        says = each.says if in_force else f"未実施: {each.otherwise}。"
        yield Judged(name, each, in_force, says.format_map(figures))


def _figures(subject: Subject) -> dict[str, str | int]:
    """What the sentences quote of the configuration."""
    review, network = subject.tenant.file.review, network_routes(subject)
    kept = [f"{each.id}({told(each.keep_seconds)})" for each in network if each.keep_seconds is not None]
    rows = (name for each in subject.routes if subject.allowed(each) == "inquiry" for name in each.legal_rows)
    return _routes(subject) | {
        "administrators": len(subject.tenant.file.administrators),
        "dialled": "、".join(subject.system(each) for each in dialled(subject)),
        "inquiry_rows": "、".join(dict.fromkeys(rows)),
        "log_days": review.log_days,
        "network_kept": "、".join(kept),
        "network_unkept": "、".join(each.id for each in network if each.keep_seconds is None),
        "passphrase": _PASSPHRASES.get(passphrase_source(subject), ""),
        "texts": "、".join(dict.fromkeys(text for each in subject.routes for text in each.consent_texts)),
        "users_days": review.users_days,
        "witnesses": f"{len(subject.config.gateway.witnesses)}者",
        "years": KEPT_YEARS,
    }


def _routes(subject: Subject) -> dict[str, str | int]:
    """Of which routes a sentence is true: those are named, so that it says nothing of others."""
    demanding = {
        f"{claim}_routes": [each.id for each in subject.routes if claim in each.attest]
        for claim in ("card_login", "consent", "identity_confirmed", "permit")
    }
    found = demanding | {
        "held_routes": [each.id for each in held_routes(subject)],
        "key_routes": [each.id for each in subject.routes if {*each.reply_fields} == {"pmh_key", "individual_number"}],
    }
    return {name: "、".join(ids) for name, ids in found.items()}
