"""What docs/skill.md has of other pages."""

from pathlib import Path

import pytest

from benchmarks.skill.pages.related import NAME, conclusion_of, related, with_related

ROOT = Path(__file__).parents[5]
PAGE = """\
# Places called dry

<!-- conclusion: begin -->
- blend: 0.6 % of the places called dry get rain.
<!-- conclusion: end -->

| forecaster | event | get rain | claims wrong | dry places told |
| --- | ---: | ---: | ---: | ---: |
| blend | all events | 9.3 % | 0.6 % | 50.3 % |

| class | cells |
| --- | ---: |
| 0 to 2 % | 5 |
"""


def test_the_conclusion_and_the_table_of_claims_are_taken_over(tmp_path: Path) -> None:
    (tmp_path / "dry-places.md").write_text(PAGE)
    found = related(tmp_path)
    assert "[dry-places.md](dry-places.md)" in found
    assert "- blend: 0.6 % of the places called dry get rain." in found
    assert "| blend | all events | 9.3 % | 0.6 % | 50.3 % |" in found
    assert "| class |" not in found
    assert "ensemble" not in found.partition("\n")[2]


def test_a_page_keeps_one_section_and_all_else(tmp_path: Path) -> None:
    assert with_related("# Skill\n", tmp_path) == "# Skill\n"
    (tmp_path / "dry-places.md").write_text(PAGE)
    once = with_related("# Skill\n\nfigures\n", tmp_path)
    assert once.startswith("# Skill\n\nfigures\n")
    assert with_related(once, tmp_path) == once


def test_a_conclusion_that_does_not_end_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"page\.md has .* without .* after it; put it back"):
        conclusion_of("# A\n\n<!-- conclusion: begin -->\n- open\n", "page.md")


def test_the_skill_page_has_what_the_other_pages_say_today() -> None:
    docs = ROOT / "docs"
    assert (
        f"<!-- {NAME}: begin -->\n{related(docs)}<!-- {NAME}: end -->\n"
        in (docs / "skill.md").read_text()
    )
