"""Lists of models and of issue times lead to every forecast."""

from fastapi.testclient import TestClient

from tests.served import ISSUES, LATEST, MODELS, iso, problem


def test_models_are_listed_with_their_newest_forecast(reader: TestClient) -> None:
    listed = {model["name"]: model for model in reader.get("/models").json()["models"]}
    assert list(listed)[:2] == list(MODELS)
    assert [name for name, model in listed.items() if model["default"]] == [MODELS[0]]
    for name in MODELS:
        assert listed[name]["latest_issue"] == iso(LATEST)
        (link,) = listed[name]["links"]
        assert reader.get(link["href"]).json()["model"]["name"] == name
    assert listed["auto"]["latest_issue"] is None
    assert listed["auto"]["scheduled"] is False


def test_issue_times_are_listed_newest_first_and_lead_to_their_forecasts(
    reader: TestClient,
) -> None:
    listed = reader.get("/nowcasts").json()
    times = [issue["issue_time"] for issue in listed["issues"]]
    assert times == [iso(number) for number in reversed(ISSUES)]
    for issue in listed["issues"]:
        for model in issue["models"]:
            forecast = reader.get(model["links"][0]["href"]).json()
            assert forecast["issue_time"] == issue["issue_time"]
            assert forecast["model"]["name"] == model["name"]
    assert "next" not in {link["rel"] for link in listed["links"]}


def test_pages_together_list_every_issue_time_once(reader: TestClient) -> None:
    href, times = "/nowcasts?limit=1&model=advection", []
    while href:
        page = reader.get(href).json()
        times += [issue["issue_time"] for issue in page["issues"]]
        assert all(model["name"] == "advection" for i in page["issues"] for model in i["models"])
        href = next((link["href"] for link in page["links"] if link["rel"] == "next"), "")
    assert times == [iso(number) for number in reversed(ISSUES) if number]


def test_a_page_without_size_is_refused(reader: TestClient) -> None:
    problem(reader.get("/nowcasts?limit=0"), 422)
