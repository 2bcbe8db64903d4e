"""What an answer may look like, by the kind that its question asks for (回答形式; C021)."""

import re
from datetime import date
from typing import Final

_FORMS: Final = {
    "yesno": re.compile("yes|no"),
    "number": re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,3})?"),
    "date": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
}


def fits(answer_kind: str, answer_content: str) -> bool:
    """Whether it is an answer of that kind; a `text` may be any."""
    form = _FORMS.get(answer_kind)
    if form is not None and form.fullmatch(answer_content) is None:
        return False
    return answer_kind != "date" or _exists(answer_content)


def _exists(day: str) -> bool:
    try:
        return bool(date.fromisoformat(day))
    except ValueError:
        return False
