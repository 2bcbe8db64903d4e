"""A demo: one made-up city's day against real processes, ending in a proof of what went where."""

from pathlib import Path


def main(*, residents: int, seed: int, file: Path | None, keep: Path | None, as_json: bool) -> int:
    """Play the scenario and show what came of it. The exit status: 0 if all of it held, else 1, 2 for wrong usage.

    `keep` is an empty or new folder that stays; without it everything is deleted at the end.
    """
    from gateway_demo_city.run import run  # noqa: PLC0415 - Faker and aiohttp only when needed

    return run(residents=residents, seed=seed, file=file, keep=keep, as_json=as_json)
