"""Links of README and docs lead somewhere, and every page is reached from the README."""

from pathlib import Path

import pytest

from tests.docs.pages import DOCS, PAGES, README, ROOT, anchors, links, name


def find_broken(page: Path) -> list[str]:
    """The links of a page that lead to no file, or to no heading of one."""
    broken = []
    for target in links(page):
        place, _, anchor = target.partition("#")
        found = (page.parent / place).resolve() if place else page
        if not found.exists() or (anchor and (found.suffix != ".md" or anchor not in anchors(found))):
            broken.append(target)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_link_of_a_page_is_broken(page: Path) -> None:
    assert not find_broken(page)


def test_every_page_is_reached_from_the_readme() -> None:
    reached, ahead = set(), [README]
    while ahead:
        page = ahead.pop()
        reached.add(page)
        led = {(page.parent / target.partition("#")[0]).resolve() for target in links(page)}
        ahead += [each for each in led - reached if each.suffix == ".md" and each.exists()]
    assert not {*DOCS, *PAGES} - reached
    assert {(ROOT / target.partition("#")[0]).resolve() for target in links(README)} >= set(DOCS)


@pytest.mark.parametrize("link", ["missing.md", "page.md#no-such-heading", "#neither", "picture.png#part"])
def test_a_broken_link_is_found(tmp_path: Path, link: str) -> None:
    (tmp_path / "picture.png").touch()
    page = tmp_path / "page.md"
    page.write_text(f"# A heading, with `marks`\n\n[here]({link}) [there](page.md#a-heading-with-marks)\n")
    assert find_broken(page) == [link]
