"""The one base of everything that may be inside an envelope: closed, strict, immutable, and mute about its values."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Payload(BaseModel):
    """A record of one operation. Declare its fields with the aliases of `gateway.plugin.fields`.

    Nested parts derive from `Payload` too, because pydantic does not inherit the outer model's closedness.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        revalidate_instances="never",
        defer_build=True,  # a process sees few of all operations: each is built when it is first met
    )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__
