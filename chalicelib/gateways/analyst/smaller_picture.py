"""Pictures that a model does not take: made smaller in a confined process, because decoding is where pictures bite.

Run as `python -m chalicelib.gateways.analyst.smaller_picture`: a picture on standard input, a JPEG on standard output.
"""

from __future__ import annotations

import io
import sys
from typing import Final

from chalicelib.gateways.confined import ConfinedError, Limits, run_confined

CHILD_MODULE: Final = "chalicelib.gateways.analyst.smaller_picture"
LONGEST_SIDE: Final = 2_200
"""Anthropic, "Vision": pictures are scaled down to about 1,600 pixels anyway, newer models look at more."""
_QUALITY: Final = 85
_MOST_PIXELS: Final = 120_000_000
_LIMITS: Final = Limits(wall_seconds=9.0, cpu_seconds=9, memory_bytes=1024**3, output_bytes=4 * 1024 * 1024)


def smaller_picture(content: bytes) -> bytes | None:
    """Return a picture upright, as a JPEG of at most `LONGEST_SIDE` pixels, without what cameras write beside it.

    None where it cannot be made: it is no picture, too large a one, or takes too long.
    """
    try:
        return run_confined(CHILD_MODULE, content, _LIMITS)
    except ConfinedError:
        return None


def shrink(content: bytes) -> bytes:
    """Do it, in this process.

    Raises:
        OSError, ValueError, SyntaxError: no picture, or more pixels than one has.
    """
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = _MOST_PIXELS // 2  # Pillow refuses twice as many
    with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as picture:
        picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
        upright = ImageOps.exif_transpose(picture)
        if upright.mode in ("RGBA", "LA", "PA", "P"):
            paper = Image.new("RGBA", upright.size, "white")
            upright = Image.alpha_composite(paper, upright.convert("RGBA"))
        plain = upright.convert("RGB")
        plain.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        output = io.BytesIO()
        plain.save(output, "JPEG", quality=_QUALITY)
        return output.getvalue()


def main() -> None:
    """Read one picture, write one."""
    sys.stdout.buffer.write(shrink(sys.stdin.buffer.read()))


if __name__ == "__main__":
    main()
