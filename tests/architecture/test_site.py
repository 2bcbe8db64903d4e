"""The documentation site is built strictly, as `make site` does it, and asks no other host for anything."""

import itertools
import json
import os
import re
import subprocess
import sys

import pytest

from docs.pages import HOME, pages
from gateway.errors import CODES
from tests.architecture.tree import ROOT

FOREIGN = re.compile(
    r"<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)=[\"']?(?:https?:)?//[^\"'\s>]+"
    r"|@import\s+(?:url\()?[\"']?(?:https?:)?//[^\"')]+|url\([\"']?(?:https?:)?//[^\"')]+"
)
"""What a browser fetches by itself from elsewhere; a link that somebody may follow is none."""
FETCHING = ("mermaid",)
"""Classes for which the theme's script would fetch a library from elsewhere."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site. A warning, of a broken link or of a page that is in no menu, ends the build with 1; but not if
    `--quiet` hushes it.
    """
    folder = tmp_path_factory.mktemp("site") / "built"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def place(page):
    """Where a page is on the site, by its path in the repository."""
    if page == HOME:
        return "index.html"
    folder, _, name = page.rpartition("/")
    return f"{folder}/index.html" if folder and name == "README.md" else f"{page.removesuffix('.md')}.html"


def test_every_page_of_the_repository_is_in_it(site):
    assert len(pages()) > 100
    assert [page for page in pages() if not (site / place(page)).exists()] == []
    assert "Who you are, and where to begin" in (site / "index.html").read_text(encoding="utf-8")


def test_a_japanese_page_has_its_headings_and_no_spaces(site):
    html = (site / "docs/operate.ja.html").read_text(encoding="utf-8")
    assert 'id="記録の検索"' in html
    assert 'href="restore.ja.html"' in html
    lines = re.sub(r"<pre.*?</pre>", "", html, flags=re.DOTALL).splitlines()
    ends = [
        line for line, after in itertools.pairwise(lines) if re.search(r"[ぁ-ん]$", line) and re.match("[ぁ-ん]", after)
    ]
    assert ends == [], "a browser shows a line's end as a space"


def test_the_row_of_an_error_code_can_be_linked_to(site):
    for page in ("errors", "errors.ja"):
        html = (site / f"docs/{page}.html").read_text(encoding="utf-8")
        assert re.findall(r'<tr id="(\w+)">', html) == list(CODES)


def test_a_page_says_in_which_language_it_is(site):
    texts = {page: (site / place(page)).read_text(encoding="utf-8") for page in pages()}
    wrong = [page for page, text in texts.items() if page.endswith(".ja.md") != ('<html lang="ja"' in text)]
    assert wrong == ["docs/assessment-example/assessment-999997.md"], "that one is the command's own, and Japanese"


def test_a_question_in_japanese_is_cut_into_words_that_stand_on_the_pages(site):
    config = json.loads((site / "search/search_index.json").read_text(encoding="utf-8"))["config"]
    assert config["lang"] == ["en", "ja"]
    words = {
        "鍵を失ったとき": ["鍵", "失"],
        "記録の検索": ["記録", "検索"],
        "写しの一覧と、消去の証明": ["写", "一覧", "消去", "証明"],
        "記録管理システム": ["記録管理", "システム"],
        "limits.retry_first": ["limits", "retry_first"],
    }
    assert {asked: [word for word in re.split(config["separator"], asked) if word] for asked in words} == words


def test_the_heading_of_a_guide_has_the_words_by_which_it_is_looked_for(site):
    """To the search a word in a heading counts a thousand times one in the text: all guides are found by that alone."""
    docs = json.loads((site / "search/search_index.json").read_text(encoding="utf-8"))["docs"]
    headings = {each["location"]: each["title"].casefold() for each in docs}
    guides = {
        "rotate-keys": ("rotate", "keys", "renew", "certificates"),
        "restore": ("backup", "restore"),
        "incident": ("incident", "data", "breach"),
        "incident.ja": ("事故", "漏えい"),
        "restore.ja": ("バックアップ", "復元"),
        "rotate-keys.ja": ("鍵", "証明書"),
        "disclosure-request": ("disclosure", "request"),
        "disclosure-request.ja": ("開示請求",),
    }
    lacking = [(page, word) for page in guides for word in guides[page] if word not in headings[f"docs/{page}.html"]]
    assert lacking == []


def test_the_search_has_what_it_needs_where_a_page_is_opened_from_a_folder(site):
    """A browser reads no JSON there and starts no worker: the index is a script, and a frame does the worker's work."""
    index = (site / "search/search_index.json").read_text(encoding="utf-8")
    assert (site / "search/search_index.js").read_text(encoding="utf-8") == f"var __index = {index}"
    assert (site / "docs/iframe-worker.js").is_file()
    assert '<script src="iframe-worker.js">' in (site / "docs/operate.html").read_text(encoding="utf-8")


def test_no_page_asks_another_host_for_anything(site):
    texts = {
        path: path.read_text(encoding="utf-8") for form in ("*.html", "*.css", "*.svg") for path in site.rglob(form)
    }
    assert len(texts) > 60
    found = [(path.name, hit[0]) for path, text in texts.items() for hit in FOREIGN.finditer(text)]
    found += [(path.name, name) for path, text in texts.items() for name in FETCHING if f'class="{name}' in text]
    assert found == []


@pytest.mark.parametrize(
    "planted",
    [
        '<script src="https://cdn.example/a.js">',
        "<link rel=stylesheet href=//fonts.example/css>",
        "@import url(https://fonts.example/css);",
        "src:url('https://fonts.example/a.woff2')",
        '<img alt="" src="http://example/a.png">',
    ],
)
def test_a_planted_request_is_caught(planted):
    assert FOREIGN.search(planted)


def test_a_link_that_somebody_may_follow_is_none():
    assert not FOREIGN.search('<a href="https://c2sp.org/tlog-tiles">C2SP</a>')
