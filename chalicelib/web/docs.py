"""The page that shows the contract and lets one try it; works offline, its assets come with the package."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final

from chalicelib import errors
from chalicelib.web.response import Raw

_FOLDER: Final = Path(__file__).parent / "docs_page"
_ASSETS: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "start.js": "text/javascript",
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


class PageFile(Raw, frozen=True, kw_only=True):
    """A file of the page."""

    MEDIA: ClassVar = ("text/html", "text/javascript", "text/css")


def served(name: str | None) -> PageFile:
    """Return one of the page's files, and without a name the page itself.

    Raises:
        NotFound: there is no such file; names are looked up in a fixed list, never in the file system.
    """
    if name is None:
        return _file("index.html", "text/html; charset=utf-8", "no-cache")
    if name not in _ASSETS:
        raise errors.NotFound()
    return _file(name, f"{_ASSETS[name]}; charset=utf-8", "public, max-age=86400")


def _file(name: str, content_type: str, cache: str) -> PageFile:
    return PageFile(
        body=(_FOLDER / name).read_text(encoding="utf-8"),
        content_type=content_type,
        headers={
            "Cache-Control": cache,
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        },
    )
