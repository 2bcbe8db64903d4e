import subprocess
import sys
from pathlib import Path

CHILD = """
import asyncio, sys, tracemalloc
from pathlib import Path
sys.path.insert(0, {root!r})
from gateway.plugin import Accepted, Receipt
from gateway_health_management.simulator import city_csv
from tests.plugins.health_management.line import HEADERS, Line, csv_bytes, new_life, settings, subject

class Forgetful(Line):
    async def send(self, operation, records, *, key):
        self.sends += 1
        await self.connector.settled(str(self.sends), {{index: Accepted() for index in range(len(records))}})
        return Receipt(str(self.sends), False)

async def main(folder):
    for name in ("in", "work", "done", "status"):
        (folder / name).mkdir()
    row = csv_bytes([subject(1)]).splitlines(keepends=True)[1]
    with (folder / "in" / "city.csv").open("wb") as file:
        file.write(csv_bytes([]))
        for number in range({rows}):
            file.write(row.replace(b"0000000001", b"%010d" % number))
    line = Forgetful()
    connector = await new_life(line, settings(folder))
    tracemalloc.start()
    await connector.poll()
    await connector.poll()
    assert (folder / "status" / "city.status.csv").read_bytes().count(b"\\r\\n") == {rows} + 1
    print(tracemalloc.get_traced_memory()[1])

asyncio.run(main(Path(sys.argv[1])))
"""


def _peak(folder: Path, rows: int) -> int:
    folder.mkdir()
    root = str(Path(__file__).parents[3])
    script = CHILD.format(root=root, rows=rows)
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_memory_does_not_grow_with_the_file_but_for_six_bytes_a_row(tmp_path):
    small, large = _peak(tmp_path / "small", 3_000), _peak(tmp_path / "large", 12_000)
    assert large - small < 9_000 * 20  # arrays grow by an eighth ahead, and a message id per chunk
    assert large < 12_000_000
