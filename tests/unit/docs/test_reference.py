"""The generated pages of the reference are those of the code."""

from pathlib import Path

import pytest

from reference_docs import __main__ as reference_docs
from reference_docs import settings_table
from service.settings import Settings

FOLDER = Path(__file__).parents[3] / "docs/reference"


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return reference_docs.pages()


@pytest.mark.parametrize("name", ["settings.md", "cli.md", "http.md", "openapi.json"])
def test_the_page_in_the_repository_is_what_the_code_gives(
    name: str, pages: dict[str, str]
) -> None:
    assert (FOLDER / name).read_text() == pages[name], "run `make reference`"


def test_every_setting_is_listed_with_its_meaning() -> None:
    rows = settings_table.rows()
    assert len(rows) == len(Settings.model_fields)
    assert [variable for variable, _, _, meaning in rows if not meaning] == []


def test_limits_and_defaults_of_settings_are_shown() -> None:
    rows = {row[0]: row for row in settings_table.rows()}
    assert rows["`NOWCAST_BACKFILL_HOURS`"][1:3] == ("float, > 0, <= 48", "`12`")
    assert rows["`NOWCAST_WEIGHTS`"][1:3] == ("path or none", "")
    assert rows["`NOWCAST_OPEN_TO_ALL`"][2] == "`false`"


def test_a_page_that_differs_is_named(
    tmp_path: Path, pages: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference_docs, "pages", lambda: pages)
    for name, text in pages.items():
        (tmp_path / name).write_text(text)
    assert reference_docs.differing(tmp_path) == []
    (tmp_path / "cli.md").write_text("old")
    (tmp_path / "settings.md").unlink()
    assert reference_docs.differing(tmp_path) == ["settings.md", "cli.md"]
