"""Generated pages open with conclusions that follow from the numbers in their tables."""

from pathlib import Path

import pytest

from benchmarks.conclusions import conclude, skill, steps
from model_zoo.profiling import table as networks
from model_zoo.profiling.markdown import BEGIN, number, tables, with_conclusion

DOCS = Path(__file__).parents[3] / "docs"
SKILL = """# Skill

## one

Validation: choices were made on it.

| score | mm/h | forecaster | 30 min | 60 min |
| --- | --- | --- | --- | --- |
| CSI | 0.5 | a | 0.90 [0.80, 0.95] | 0.80 |

## two

Test: nothing was chosen on it.

| score | mm/h | forecaster | 30 min | 60 min |
| --- | --- | --- | --- | --- |
| CSI | 0.5 | a | 0.50 [0.40, 0.60] | 0.30 |
| CSI | 0.5 | b | 0.40 [0.30, 0.50] | 0.35 |
| FBIAS | 0.5 | a | 0.90 | 0.80 |
| FBIAS | 0.5 | b | 1.10 | 1.10 |

Differences, in bold where surely not 0:

| score | mm/h | difference | 30 min | 60 min |
| --- | --- | --- | --- | --- |
| CSI | 0.5 | b - a | **-0.100 [-0.150, -0.050]** | +0.050 [-0.010, +0.100] |
"""


@pytest.mark.parametrize("name", ["performance", "skill", "memory", "scale"])
def test_the_conclusion_of_a_page_in_the_repository_follows_from_its_tables(name: str) -> None:
    text = (DOCS / f"{name}.md").read_text()
    assert BEGIN in text
    assert conclude(text) == text


def test_the_conclusion_of_the_table_of_networks_follows_from_it() -> None:
    text = (DOCS / "models.md").read_text()
    assert BEGIN in text
    assert with_conclusion(text, networks.conclusion(tables(text))) == text


def test_the_conclusion_of_what_each_step_gains_follows_from_its_table() -> None:
    text = (DOCS / "experiments.md").read_text()
    section = text[text.index("## What each step gains") :].partition("<!-- what each step")[0]
    assert BEGIN in section
    assert with_conclusion(section, steps(tables(section))) == section


def test_skill_is_concluded_from_the_test_event_lead_by_lead() -> None:
    assert skill(tables(SKILL)) == [
        "Highest CSI at 0.5 mm/h on two: a at 30 min (0.50); b at 60 min (0.35).",
        (
            "CSI against a, of 2 thresholds and leads, with intervals that exclude 0: "
            "b 0 above and 1 below."
        ),
        "Frequency bias at 0.5 mm/h over all leads: a 0.80 to 0.90, b 1.10.",
    ]


def test_a_conclusion_is_replaced_and_not_repeated() -> None:
    once = with_conclusion("# Title\n\nText.\n", ["one"])
    assert once.count(BEGIN) == 1
    assert with_conclusion(once, ["one"]) == once
    assert "two" in with_conclusion(once, ["two"])
    assert "one" not in with_conclusion(once, ["two"])
    assert with_conclusion(once, []) == "# Title\n\nText.\n"


def test_a_page_without_tables_or_with_another_title_has_no_conclusion() -> None:
    for text in ("# Performance\n\nNothing yet.\n", "# Something else\n"):
        assert conclude(text) == text


def test_numbers_of_cells_are_read_as_they_are_printed() -> None:
    assert number("1,234.5 [1, 2]") == 1234.5
    assert number("-0.010 [-0.020, +0.000]") == -0.01
    assert number("7.7e-07") == 7.7e-07
    assert str(number("-")) == "nan"
