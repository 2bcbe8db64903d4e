"""What is said of files that are not what a checkpoint signs."""


class Altered(Exception):
    """The files are not what the checkpoint signs. `seq` is the first fact that is concerned."""

    def __init__(self, problem: str, seq: int | None = None) -> None:
        super().__init__(problem)
        self.seq = seq
