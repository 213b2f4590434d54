"""Made-up reports as pictures: pages rendered, then spoilt as scanners and telephones spoil them."""

from __future__ import annotations

import io
import random
from dataclasses import replace
from typing import Any

from tests.reports.lines import Report


def photographed(report: Report, *, degrees: float = 1.6, dots_per_inch: int = 165, quality: int = 62) -> Report:
    """Return the first page as a telephone's JPG: turned, lit from one side, a little soft, on a table."""
    from PIL import Image, ImageChops, ImageFilter

    page = _page(report, dots_per_inch).convert("RGB")
    table = Image.new("RGB", (page.width + 90, page.height + 90), (96, 84, 74))
    table.paste(page, (45, 45))
    turned = table.rotate(degrees, resample=Image.Resampling.BICUBIC, fillcolor=(96, 84, 74))
    light = Image.linear_gradient("L").rotate(90).resize(turned.size).point(lambda level: 190 + level // 4)
    lit = ImageChops.multiply(turned, Image.merge("RGB", (light, light, light.point(lambda level: level - 8))))
    soft = lit.filter(ImageFilter.GaussianBlur(0.7))
    return _picture(report, _with_noise(soft, 5, seed=7), "jpg", f"{report.name}-photo", quality=quality)


def scanned(report: Report, *, degrees: float = -0.5, dots_per_inch: int = 150) -> Report:
    """Return the first page as an office scanner's grey PNG: a touch crooked, greyish paper, speckles."""
    from PIL import Image

    page = _page(report, dots_per_inch).convert("L").point(lambda level: 18 + level * 222 // 255)
    turned = page.rotate(degrees, resample=Image.Resampling.BICUBIC, fillcolor=238)
    return _picture(report, _with_noise(turned, 9, seed=11), "png", f"{report.name}-scan")


def faxed(report: Report, *, degrees: float = 0.4, dots_per_inch: int = 200) -> Report:
    """Return the first page as a fax: black and white only, saved as JPG by whoever received it."""
    from PIL import Image

    page = _page(report, dots_per_inch).convert("L").rotate(degrees, resample=Image.Resampling.BICUBIC, fillcolor=255)
    return _picture(
        report, page.point(lambda level: 255 if level > 150 else 0), "jpg", f"{report.name}-fax", quality=55
    )


def held(report: Report, *, dots_per_inch: int = 190, quality: int = 70) -> Report:
    """Return the first page as a JPG taken at a slant by hand: in perspective, turned, and dim towards one corner."""
    from PIL import Image, ImageChops, ImageFilter

    page = _page(report, dots_per_inch).convert("RGB")
    width, height = page.size
    corners = (-40, 10, 25, height + 30, width - 5, height + 5, width + 45, -25)  # of the picture, on the page
    slanted = page.transform(page.size, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC, fillcolor=(70, 66, 60))
    turned = slanted.rotate(-2.6, resample=Image.Resampling.BICUBIC, fillcolor=(70, 66, 60))
    light = Image.radial_gradient("L").resize((2 * width, 2 * height)).crop((0, 0, width, height))
    dim = light.point(lambda level: 255 - level // 3)
    lit = ImageChops.multiply(turned, Image.merge("RGB", (dim, dim, dim)))
    soft = _with_noise(lit.filter(ImageFilter.GaussianBlur(0.8)), 6, seed=3)
    return _picture(report, soft, "jpg", f"{report.name}-held", quality=quality)


def scanned_pdf(report: Report, *, dots_per_inch: int = 150) -> Report:
    """Return the first page as an office scanner sends it by mail: a PDF that holds a picture and no text."""
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    scan = scanned(report, dots_per_inch=dots_per_inch)
    picture = ImageReader(io.BytesIO(scan.content))
    width, height = (72 * side / dots_per_inch for side in picture.getSize())
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(width, height), invariant=1)
    canvas.drawImage(picture, 0, 0, width, height)
    canvas.save()
    return replace(scan, name=f"{report.name}-scanned", content=buffer.getvalue(), file_type="pdf")


def _page(report: Report, dots_per_inch: int) -> Any:
    import pypdfium2

    document = pypdfium2.PdfDocument(report.content)
    try:
        return document[0].render(scale=dots_per_inch / 72).to_pil()
    finally:
        document.close()


def _with_noise(picture: Any, strength: int, *, seed: int) -> Any:
    from PIL import Image, ImageChops

    draw = random.Random(seed)  # Pillow's own effect_noise cannot be seeded
    tile = Image.frombytes("L", (257, 251), bytes(128 + draw.randint(-strength, strength) for _ in range(257 * 251)))
    noise = Image.new("L", picture.size)
    for x in range(0, picture.width, tile.width):
        for y in range(0, picture.height, tile.height):
            noise.paste(tile, (x, y))
    layer = noise if picture.mode == "L" else Image.merge("RGB", (noise, noise, noise))
    return ImageChops.add(picture, layer, offset=-128)


def _picture(report: Report, picture: Any, file_type: str, name: str, **how: Any) -> Report:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG" if file_type == "jpg" else "PNG", **how)
    return replace(report, name=name, content=buffer.getvalue(), file_type=file_type)
