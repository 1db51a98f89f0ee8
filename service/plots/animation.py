"""Animations: a series of sheets as GIF or WebP."""

from collections.abc import Iterable
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from service.plots.colours import BELOW_AND_ABOVE, COLOURS, HATCH, LAND, NO_DATA
from service.plots.maps import rgb
from service.plots.sheet import Sheet, credited, draw

RADAR_MS, LEAD_MS, LAST_MS = 150, 700, 1800
"""Durations of a radar frame, a lead time and the last image, in ms."""


def play(sheets: Iterable[Sheet], form: str) -> bytes:
    """Encode sheets of one size as an animation that repeats for ever.

    Args:
        sheets: The images in order.
        form: gif or webp.
    """
    shown = list(sheets)
    images = [image(sheet) for sheet in shown]
    if form == "gif":
        images = with_one_palette(images)
    stand = [duration(sheet) for sheet in shown[:-1]] + [LAST_MS]
    description = f"{credited(shown[0])}. {shown[-1].title}"
    more = {"lossless": True, "method": 4} if form == "webp" else {"comment": description.encode()}
    file = BytesIO()
    images[0].save(
        file,
        form.upper(),
        save_all=True,
        append_images=images[1:],
        duration=stand,
        loop=0,
        **more,
    )
    return file.getvalue()


def image(sheet: Sheet) -> Image.Image:
    """Draw a sheet as an RGB image."""
    canvas: Any = FigureCanvasAgg(draw(sheet))
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())


def with_one_palette(images: list[Image.Image]) -> list[Image.Image]:
    """Convert images to one palette of 256 colours that includes those of maps.

    They are not dithered, so that unchanged parts do not flicker.
    """
    width, height = images[0].size
    tall = Image.new("RGB", (width, height * len(images)))
    for number, picture in enumerate(images):
        tall.paste(picture, (0, number * height))
    kept = [*rgb_bytes(COLOURS), *rgb_bytes((*BELOW_AND_ABOVE, LAND, NO_DATA, HATCH))]
    found = tall.quantize(256 - len(kept) // 3, Image.Quantize.MEDIANCUT).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette((kept + found)[: 3 * 256])
    return [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in images]


def rgb_bytes(colours: Iterable[str]) -> list[int]:
    """Return red, green and blue of colours, one after the other, in 0..255."""
    return [part for colour in colours for part in rgb(colour).tolist()]


def duration(sheet: Sheet) -> int:
    """Return how long a sheet is shown, in ms."""
    return RADAR_MS if all(p and p.is_radar for row in sheet.rows for p in row.panels) else LEAD_MS
