"""Generated pages open with conclusions that follow from the numbers in their tables."""

from pathlib import Path

import pytest

from benchmarks.conclusions import conclude, steps
from benchmarks.skill_conclusion import conclusion as skill
from model_zoo.profiling import table as networks
from model_zoo.profiling.markdown import BEGIN, number, tables, with_conclusion

DOCS = Path(__file__).parents[3] / "docs"
SKILL = """# Skill

## 2 events together

Validation: choices were made on it. The mean over one, two.

| score | mm/h | forecaster | 30 min | 60 min |
| --- | --- | --- | --- | --- |
| CSI | 0.5 | s-prog | 0.500 [0.400, 0.600] | 0.300 |
| CSI | 0.5 | a | 0.450 | 0.350 |
| CSI | 20 | s-prog | 0.100 | 0.000 |
| CSI | 20 | a | 0.100 | 0.000 |
| FBIAS | 0.5 | s-prog | 0.700 | 0.600 |
| FBIAS | 0.5 | a | 1.100 | 1.000 |
| FBIAS | 20 | a | 9.000 | 8.000 |

Rain in total:

| score | forecaster | 30 min | 60 min |
| --- | --- | --- | --- |
| rain, forecast over observed | s-prog | 1.50 [1.40, 1.60] | 1.60 |
| rain, forecast over observed | a | 0.97 [0.80, 1.10] | 1.02 |

Brier score relative to others:

| mm/h | Brier score over | 30 min | 60 min |
| --- | --- | --- | --- |
| 0.5 | a / best simple probability | 0.900 | 0.970 |
| 20 | a / best simple probability | 0.940 | - |
| 0.5 | a / u-net | 0.990 | 1.010 |
| 0.5 | u-net / best simple probability | 0.500 | 0.500 |

## later

Test: nothing was chosen on it.

| score | mm/h | forecaster | 30 min | 60 min |
| --- | --- | --- | --- | --- |
| CSI | 0.5 | s-prog | 0.400 | 0.300 |
| CSI | 0.5 | a | 0.410 | 0.290 |
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


def test_skill_is_concluded_from_the_mean_over_events_and_from_the_test_event() -> None:
    assert skill(tables(SKILL)) == [
        (
            "CSI at 0.5 mm/h on 2 events together for 30, 60 min: s-prog 0.500 0.300; "
            "a 0.450 0.350. On later a less s-prog: +0.010 -0.010."
        ),
        (
            "Rain in total over that observed: a 0.97 to 1.02; frequency bias up to 10 mm/h: "
            "a 1.00 to 1.10."
        ),
        (
            "Brier score: a 0.900 to 0.970 of the best simple probability, at most 0.95 in 2 of 3 "
            "leads and thresholds; a 0.990 to 1.010 of the u-net, at most 1 in 1 of 2 leads and "
            "thresholds."
        ),
    ]


def test_skill_of_one_event_is_concluded_from_it() -> None:
    alone = "# Skill\n\n" + SKILL[SKILL.index("## later") :]
    assert skill(tables(alone)) == [
        "CSI at 0.5 mm/h on later for 30, 60 min: s-prog 0.400 0.300; a 0.410 0.290."
    ]
    assert skill([]) == []


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
