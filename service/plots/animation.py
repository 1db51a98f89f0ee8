"""Pictures that move: sheets one after the other as GIF or WebP, or the first as PNG."""

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
"""How long a frame, a lead and the last of all stand."""


def play(sheets: Iterable[Sheet], form: str) -> bytes:
    """A picture that shows sheets of one size one after the other, over and over.

    Args:
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
    canvas: Any = FigureCanvasAgg(draw(sheet))
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())


def with_one_palette(images: list[Image.Image]) -> list[Image.Image]:
    """The images in the 256 colours that serve all of them best, the colours of maps among them,
    undithered: what does not change does not flicker."""
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
    return [part for colour in colours for part in rgb(colour).tolist()]


def duration(sheet: Sheet) -> int:
    return RADAR_MS if all(p and p.is_radar for row in sheet.rows for p in row.panels) else LEAD_MS
