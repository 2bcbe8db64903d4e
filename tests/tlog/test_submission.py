"""What a witness is sent, by the specification's own example, and every other form."""

import base64

import pytest

from gateway.tlog.note import Checkpoint, NoteError
from gateway.tlog.submission import Submission
from gateway.tlog.tree import leaf_hash, node_hash

EXAMPLE = """\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\u2014 example.com/behind-the-sofa \
Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""


def test_the_specifications_example_is_read_and_written() -> None:
    read = Submission.parse(EXAMPLE)
    assert (read.old, len(read.path)) == (20852014, 4)
    assert read.checkpoint.startswith("example.com/behind-the-sofa\n20852163\n")
    assert read.text() == EXAMPLE


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "new 1\n\nx",
        "old 01\n\nx",
        "old -1\n\nx",
        "old 1\nAQ==\n\nx",
        "old 1\n" + f"{base64.b64encode(bytes(32)).decode()}\n" * 64 + "\nx",
        "old 1\nx",
    ],
)
def test_what_is_no_submission_is_not_read(wrong: str) -> None:
    with pytest.raises(NoteError):
        Submission.parse(wrong)


def test_it_proves_growth_out_of_its_old_size_only() -> None:
    leaves = [leaf_hash(bytes([each])) for each in range(2)]
    one, two = Checkpoint("x", 1, leaves[0]), Checkpoint("x", 2, node_hash(*leaves))
    assert Submission(1, [leaves[1]], "").grew(one, two)
    assert not Submission(2, [], "").grew(one, two)
    assert not Submission(1, [leaves[0]], "").grew(one, two)
    assert Submission(0, [], "").grew(Checkpoint("x", 0, b""), two)
