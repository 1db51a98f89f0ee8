"""The loop of the map page: every step is shown, in a range and at a speed."""

from itertools import pairwise

import numpy as np

from tests.end_to_end.page.event import READY, STEPS, Open, Tell

LOOP_SECONDS = 60
WATCH = """() => {
  window.steps = []; window.screens = [];
  const slider = document.getElementById('time');
  const note = (now) => {
    if (steps.at(-1)?.[1] !== slider.value) steps.push([now, slider.value]);
    screens.push(now);
    requestAnimationFrame(note);
  };
  requestAnimationFrame(note);
}"""


def test_the_loop_skips_no_frame_for_a_minute(open_page: Open, tell: Tell) -> None:
    watched = open_page()
    watched.page.evaluate(WATCH)
    watched.page.keyboard.press("Space")
    watched.page.wait_for_timeout(1000 * LOOP_SECONDS)
    watched.until(f"steps.length > {len(STEPS) + 2}")  # at once, but on a slow machine
    watched.page.keyboard.press("Space")
    noted = [(now, int(value)) for now, value in watched.page.evaluate("steps")]
    moves = list(pairwise(noted))
    for (_, before), (_, after_it) in moves:
        assert after_it == STEPS[(STEPS.index(before) + 1) % len(STEPS)]
    durations = [(then - now, before) for (now, before), (then, _) in moves if before < 120]
    measured = np.mean([duration for duration, before in durations if before < 0])
    forecast = np.mean([duration for duration, before in durations if before >= 0])
    screens = np.diff(watched.page.evaluate("screens"))
    late = np.quantile(screens, 0.99)
    tell(
        f"{len(moves)} steps in {LOOP_SECONDS} s, none skipped; a radar frame was shown for "
        f"{measured:.1f} ms, one of the forecast for {forecast:.1f} ms; 99 of 100 repaints took "
        f"less than {late:.1f} ms"
    )
    assert len(moves) > len(STEPS)


def test_the_loop_has_a_range_and_a_speed(open_page: Open) -> None:
    watched = open_page()
    watched.page.locator("#loop-range").select_option("forecast")
    watched.page.locator("#loop-speed").select_option("fast")
    watched.page.evaluate(WATCH)
    watched.page.locator("#play").click()
    watched.until("steps.length > 30")
    watched.page.locator("#play").click()
    shown = [int(value) for _, value in watched.page.evaluate("steps")]
    assert set(shown) == set(range(0, 121, 5))
    watched.page.reload()
    watched.until(READY)
    assert watched.page.locator("#loop-range").input_value() == "forecast"
    assert watched.page.locator("#loop-speed").input_value() == "fast"


def test_the_loop_is_slow_for_users_who_prefer_reduced_motion(open_page: Open) -> None:
    watched = open_page(reduced_motion="reduce")
    watched.page.evaluate(WATCH)
    watched.page.keyboard.press("Home")
    watched.page.keyboard.press("Space")
    watched.until("steps.length >= 7")
    moments = [now for now, _ in watched.page.evaluate("steps")]
    assert np.median(np.diff(moments[1:])) > 450
