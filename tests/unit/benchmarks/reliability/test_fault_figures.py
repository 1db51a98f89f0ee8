"""The tables of docs/reliability.md name tests, and have the figures of those that have run."""

from pathlib import Path

import pytest

from benchmarks.reliability.fault_figures import files_named_in, filled, results_in

DOCUMENT = """\
# Reliability

| fault | promise | test | figures |
| --- | --- | --- | --- |
| a flipped bit | refused | `ingest/test_fuzz.py::test_flips` (all) |  |
| spoilt files | refused | `ingest/test_fuzz.py::test_spoilt` | 7 tests passed |
| a full disk | 507 | `test_disk.py`, `test_quota.py` | old |

`test_disk.py` is not in a table.
"""
JUNIT = """\
<testsuites><testsuite>
<testcase classname="tests.unit.ingest.test_fuzz" name="test_flips[a]">
  <properties><property name="measured" value="a: 60 cases, 0 drier"/></properties></testcase>
<testcase classname="tests.unit.ingest.test_fuzz" name="test_flips[b]">
  <properties><property name="measured" value="b: 9 cases | all"/></properties></testcase>
<testcase classname="tests.unit.test_disk" name="test_full"/>
<testcase classname="tests.unit.test_disk" name="test_small"><skipped/></testcase>
<testcase classname="tests.unit.test_quota" name="test_it"><failure/></testcase>
<testcase classname="tests.unit.another_test_disk" name="test_it"/>
</testsuite></testsuites>
"""


def test_a_row_has_the_figures_of_its_tests_and_what_has_not_run_stays() -> None:
    before, after = DOCUMENT.splitlines(), filled(DOCUMENT, results_in(JUNIT)).splitlines()
    assert after[4] == (
        "| a flipped bit | refused | `ingest/test_fuzz.py::test_flips` (all) "
        "| 2 tests passed<br>a: 60 cases, 0 drier<br>b: 9 cases \\| all |"
    )
    assert after[6].endswith("| 1 test passed, 1 failed, 1 skipped |")
    assert [after[n] for n in (0, 2, 3, 5, 8)] == [before[n] for n in (0, 2, 3, 5, 8)]


def test_figures_that_are_filled_in_again_do_not_change() -> None:
    once = filled(DOCUMENT, results_in(JUNIT))
    assert filled(once, results_in(JUNIT)) == once


def test_of_a_test_that_ran_twice_the_last_counts() -> None:
    again = JUNIT.replace("<failure/>", "")
    row = filled(DOCUMENT, [*results_in(JUNIT), *results_in(again)]).splitlines()[6]
    assert row.endswith("| 2 tests passed, 1 skipped |")


def test_every_test_that_the_document_names_is_there() -> None:
    assert len(files_named_in(Path("docs/reliability.md").read_text())) > 30


def test_a_name_of_no_test_is_told() -> None:
    with pytest.raises(ValueError, match=r"test_nosuch\.py should name one file"):
        files_named_in("`unit/test_nosuch.py`")
