"""What the documentation site is made of: every page of the repository under its own path, so that a link that holds in
the tree holds on the site, and what else these pages link to. mkdocs calls the functions `on_...` by their names.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
WHERE = ("README.md", "CONTRIBUTING.md", "docs/**/*.md", "plugins/**/README.md", "config/**/README.md")
_LINK = re.compile(r"\]\(([^)#\s]+)")
HOME = "docs/index.md"
_CODE = re.compile(r"(<pre.*?</pre>)", re.DOTALL)
_BROKEN = re.compile(r"(?<=[\u3001-\u30ff\u4e00-\u9fff])\s*\n\s*(?=[\u3001-\u30ff\u4e00-\u9fff])")
"""A line's end between two Japanese letters."""
_ROW = re.compile(r"<tr>(?=\s*<td><code>(\w+)</code></td>)")
"""Where a row begins that opens with a word in code form."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """In the order of pages, `docs/decisions/*.md` stands for all these, by name, and `*.ja.md` for Japanese ones."""
    config.nav = [_spread(each) for each in config.nav or ()]
    return config


def _spread(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    ((title, below),) = item.items()
    if isinstance(below, list):
        return {title: [_spread(each) for each in below]}
    if "*" in below:
        found = (path.relative_to(ROOT).as_posix() for path in ROOT.glob(below))
        return {title: sorted((each for each in found if _in_japanese(each) == _in_japanese(below)), key=_first)}
    return item


def _in_japanese(path: str) -> bool:
    return path.endswith(".ja.md")


def _first(path: str) -> tuple[str, bool, str]:
    """A folder's own page comes before what lies in the folder."""
    folder, _, name = path.rpartition("/")
    return folder, name != "README.md", name


def pages() -> list[str]:
    """Every page by its path from the root."""
    return sorted({path.relative_to(ROOT).as_posix() for where in WHERE for path in ROOT.glob(where)})


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Of the theme what it has; of ours the pages, and what they show or link to."""
    theirs = [each for each in files if not Path(each.abs_src_path or "").is_relative_to(ROOT / "docs")]
    ours = {path for page in pages() for path in (page, *_linked(page))} | {
        *config.extra_css,
        *config.extra["polyfills"],
    }
    return Files([*theirs, *(_file(path, config) for path in sorted(ours))])


def _linked(page: str) -> Iterator[str]:
    for link in _LINK.findall((ROOT / page).read_text(encoding="utf-8")):
        there = ((ROOT / page).parent / link).resolve()
        if there.is_file() and there.is_relative_to(ROOT):
            yield there.relative_to(ROOT).as_posix()


def _file(path: str, config: MkDocsConfig) -> File:
    made = File.generated(config, path, abs_src_path=str(ROOT / path))
    if path == HOME:
        made.dest_uri = "index.html"
    elif path == "README.md":
        made.dest_uri = "README.html"
    return made


def on_page_content(html: str, page: Page, **_: Any) -> str:
    """A line's end, which a browser shows as a space, goes from Japanese. The row of an error code gets its name."""
    if page.file.src_uri in ("docs/errors.md", "docs/errors.ja.md"):
        html = _ROW.sub(r'<tr id="\1">', html)
    parts = _CODE.split(html)
    parts[::2] = [_BROKEN.sub("", each) for each in parts[::2]]
    return "".join(parts)


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """What stands under 日本語 says so: a browser chooses letters, and a reading voice, by that."""
    if [each.title for each in page.ancestors][-1:] == ["日本語"]:
        return output.replace('<html lang="en"', '<html lang="ja"', 1)
    return output
