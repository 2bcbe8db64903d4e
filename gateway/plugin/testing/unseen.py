"""What of its replies a connector did not show: of a field that stood in no answer, no rule sees what becomes of it."""

from collections.abc import Mapping, Sequence

from gateway.plugin.contract import ContractField, ContractOperation
from gateway.plugin.item import DataClass
from gateway.plugin.testing.canaries import values_at
from gateway.plugin.testing.verdict import Broken


def unseen(operation: ContractOperation, replies: Sequence[Mapping[str, object]]) -> list[str]:
    """Of the reply's fields the paths that were in none of these, or held nothing there; without what lies below one of
    them. Raises Broken if none of them says anything of its person that the question did not.
    """
    absent = {each.path: each for each in operation.reply if not any(_holds(reply, each) for reply in replies)}
    asked = {each.path for each in operation.fields}
    told = {each.path for each in operation.reply if _personal(each)} - asked
    if told and told <= absent.keys():
        raise Broken(
            f"{operation.name}: no reply says anything of its person ({', '.join(sorted(told))})",
            "have the stand-in know something of the persons of Subject.record",
        )
    return [path for path in absent if path.rpartition(".")[0].removesuffix("[]") not in absent]


def _holds(reply: Mapping[str, object], field: ContractField) -> bool:
    return any(True for _ in values_at(reply, field.path.replace("[]", "").split(".")))


def _personal(field: ContractField) -> bool:
    return field.data_class not in {None, DataClass.OPERATIONAL}
