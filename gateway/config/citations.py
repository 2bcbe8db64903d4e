"""What a route may cite: law and assessment that are listed, and rows that its records can have."""

from collections.abc import Iterator

from gateway.config.config import Config
from gateway.config.files import Route
from gateway.config.sentences import instead
from gateway.plugin.contract import ContractOperation


def cited_problems(config: Config, route: Route) -> Iterator[str]:
    """What is wrong with what it cites, each beginning with its key."""
    bases = config.legal_basis.keys() - config.assessments
    for key, cited in (("legal_basis", route.legal_basis), ("legal_rows", route.rows)):
        for each in cited:
            if each not in bases:
                yield f"{key}: {each} is not in config/legal_basis.toml{instead(each, bases)}"
    if route.assessment not in config.assessments:
        yield (
            f"assessment: {route.assessment} is no assessment of config/legal_basis.toml"
            f"{instead(route.assessment, config.assessments)}"
        )
    if both := {*route.rows} & {*route.legal_basis}:
        yield f"legal_rows: {', '.join(sorted(both))} stands in legal_basis already"
    narrow = [each for each in (*route.legal_basis, *route.rows) if each in bases and _narrows(config, each)]
    if in_all := [each for each in narrow if each in route.legal_basis]:
        yield f"legal_basis: {', '.join(in_all)} narrows whom it may go to: it is a row, and stands in legal_rows"
    if narrow and "permit" not in route.attest:
        yield f"attest: lacks permit, without which nobody knows to whom {', '.join(narrow)} goes (L6)"
    if bool(route.legal_rows) != (route.row_field is not None):
        yield "legal_rows: a route with rows, and no other, names the row_field that has them"


def row_problems(route: Route, here: ContractOperation, there: ContractOperation) -> Iterator[str]:
    """Each record has a row at both ends, and each row is one that a record can have."""
    if route.row_field is None:
        return
    if here.kind == "request":
        yield "legal_rows: only an event goes under a row; an answer has none of its own"
    if route.row_field not in route.fields:
        yield f"row_field: {route.row_field} is none of the route's fields"
    for name, operation in ((route.source, here), (route.destination, there)):
        field = next((each for each in operation.fields if each.path == route.row_field), None)
        if field is None or "." in field.path or not field.required or field.kind not in ("code", "text"):
            yield f"row_field: {name} locks {route.row_field} as nothing that each record has"
        elif beyond := [each for each in route.legal_rows if field.values is not None and each not in field.values]:
            yield f"legal_rows: {name} locks no {route.row_field} {', '.join(beyond)}"


def _narrows(config: Config, cited: str) -> bool:
    return config.legal_basis[cited].counterparty is not None
