"""The conclusion of the page about ensembles: means of its tables."""

from benchmarks.conclusions import conclude

LEADS = "| +30 | +60 | +120 |"
KINDS = ("ensemble", "shuffled")


def page(factors: tuple[float, ...]) -> str:
    """A page with an event for each factor of its scores."""
    lines = ["# Ensemble", ""]
    for event, factor in enumerate(factors):
        lines += [
            f"## event {event}",
            "",
            f"| scale | score {LEADS}",
            "| --- | --- | --- | --- | --- |",
        ]
        for scale in ("cells", "areas", "hours"):
            scores = [f"CRPS, {kind}" for kind in (*KINDS, "forecast alone")]
            scores += [f"spread / error, {kind}" for kind in KINDS]
            for index, score in enumerate(scores):
                cells = " | ".join(f"{factor * (index + lead):.2f}" for lead in (1, 2, 3))
                lines.append(f"| {scale} | {score} | {cells} |")
        lines += ["", f"### Ranks {event}", "", "| scale | members | 0 | 20 |"]
        lines += ["| --- | --- | --- | --- |"]
        for scale in ("cells", "areas", "hours"):
            lines += [f"| {scale} | {kind} | {factor:.2f} | {2 * factor:.2f} |" for kind in KINDS]
        lines.append("")
    return "\n".join(lines)


def test_five_lines_have_the_means_over_events() -> None:
    text = conclude(page((1.0, 3.0)))
    lines = [line for line in text.splitlines() if line.startswith("- ")]
    assert len(lines) == 5
    assert "ensemble 2.000 4.000 6.000, its forecast alone 6.000 8.000 10.000 mm/h" in lines[0]
    assert "areas 2.00 (without structure 2.00)" in lines[3]
    assert "above all members: cells 4.00" in lines[4]


def test_a_page_without_tables_has_no_conclusion() -> None:
    assert conclude("# Ensemble\n\nText.\n") == "# Ensemble\n\nText.\n"
