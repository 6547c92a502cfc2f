"""The faces: the built web pages and their assets, read and gzipped once at start-up.

The pages may do what a player and a studio need (workers from blobs for hls.js, media from blobs,
camera and screen in the studio only) and nothing else.
"""

import gzip
import importlib.resources
import mimetypes
from collections.abc import Collection
from dataclasses import replace
from importlib.resources.abc import Traversable

from mediaserver.config import SHOW_NAME
from mediaserver.errors import StartError
from mediaserver.gateway.answers import IMMUTABLE, NO_STORE, Answer

MAX_FILE_BYTES = 16 * 1024 * 1024

_CSP = "; ".join(
    [
        "default-src 'self'",
        "media-src 'self' blob:",
        "img-src 'self' data: blob: https: http:",  # product pictures lie at the merchant's
        "worker-src 'self' blob:",
        "connect-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    ]
)
_NO_FRAMES = "; frame-ancestors 'self'"
_HTML = ("Content-Type", "text/html; charset=utf-8")
_SECURITY = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)
_CAPTURE_SELF = "camera=(self), microphone=(self), display-capture=(self)"
_CAPTURE_NONE = "camera=(), microphone=(), display-capture=()"
_AN_HOUR = "public, max-age=3600"
_PAGES = {"home": "home.html", "watch": "watch.html", "studio": "studio.html"}

MAX_WATCH_PAGES = 256
"""Kept at a time. Strangers may ask for any name: when there are more all are forgotten."""
_POSTER = b"/poster-of-this-show.jpg"
"""Stands in the watch page for the address of the show's poster."""

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".map": "application/json",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}
_COMPRESSIBLE = (".js", ".css", ".svg", ".json", ".map", ".webmanifest")


class Faces:
    """Which path shows which page. Everything is in memory; nothing is read per request."""

    def __init__(
        self, pages: dict[str, Answer], assets: dict[str, Answer], public_url: str = ""
    ) -> None:
        self._pages = pages
        self._assets = assets
        self._public_url = public_url.rstrip("/")
        self._watch: dict[str, Answer] = {}

    def find(self, path: str) -> Answer | None:
        """The answer to a GET of `path` (raw); None when it is none of the faces'."""
        match path.split("/")[1:]:
            case [""]:
                return self._page("home")
            case [("watch" | "studio") as page, show]:
                if not SHOW_NAME.fullmatch(show):
                    return _NO_SUCH_PAGE
                return self._watch_page(show) if page == "watch" else self._page(page)
            case ["assets", *_]:
                return self._assets.get(path, _NO_SUCH_PAGE)
        return self._assets.get(path)

    def _watch_page(self, show: str) -> Answer:
        """The watch page, with the poster of this show in what it says of itself to others."""
        page = self._page("watch")
        if _POSTER not in page.body:
            return page
        known = self._watch.get(show)
        if known is None:
            if len(self._watch) >= MAX_WATCH_PAGES:
                self._watch.clear()
            poster = f"{self._public_url}/live/{show}/poster.jpg"
            body = page.body.replace(_POSTER, poster.encode())
            known = replace(page, body=body, gzip_body=gzip.compress(body, mtime=0))
            self._watch[show] = known
        return known

    def _page(self, name: str) -> Answer:
        return self._pages.get(name, _NOT_BUILT)


def built_faces(frame_origins: Collection[str] = (), public_url: str = "") -> Faces:
    """The faces in the `overlay` package's ``web/dist``; without it pages say it is not built.

    Pages of `frame_origins` (``https://shop.example``) may show the watch page in a frame. Links
    to a show say where its poster is; for most who preview them that needs `public_url`.
    """
    dist = importlib.resources.files("overlay").joinpath("web", "dist")
    return load_faces(dist, frame_origins, public_url)


def load_faces(
    dist: Traversable, frame_origins: Collection[str] = (), public_url: str = ""
) -> Faces:
    """Read the built web folder: its three pages, ``assets/`` (whose names carry their content's
    hash), and the files and folders beside them (an hour in caches).

    Raises `StartError` for a file that is too large to keep.
    """
    pages: dict[str, Answer] = {}
    assets: dict[str, Answer] = {}
    if dist.is_dir():
        for page, file in _PAGES.items():
            if dist.joinpath(file).is_file():
                pages[page] = _page_answer(
                    page,
                    dist.joinpath(file).read_bytes(),
                    frame_origins if page == "watch" else (),
                )
        for item in dist.iterdir():
            if item.is_dir():
                cache_control = IMMUTABLE if item.name == "assets" else _AN_HOUR
                _load_assets(item, f"/{item.name}", assets, cache_control)
            elif not item.name.endswith(".html"):
                assets[f"/{item.name}"] = _asset(item, _AN_HOUR)
    return Faces(pages, assets, public_url)


def _load_assets(
    folder: Traversable, path: str, assets: dict[str, Answer], cache_control: str
) -> None:
    for item in folder.iterdir():
        if item.is_dir():
            _load_assets(item, f"{path}/{item.name}", assets, cache_control)
        else:
            assets[f"{path}/{item.name}"] = _asset(item, cache_control)


def _asset(item: Traversable, cache_control: str) -> Answer:
    suffix = f".{item.name.rpartition('.')[2].lower()}"
    kind = _TYPES.get(suffix) or mimetypes.guess_type(item.name)[0] or "application/octet-stream"
    body = item.read_bytes()
    if len(body) > MAX_FILE_BYTES:
        raise StartError(
            f"The web file {item.name} has {len(body)} bytes; {MAX_FILE_BYTES} is the limit."
        )
    return Answer(
        headers=(
            ("Content-Type", kind),
            ("Cache-Control", cache_control),
            ("X-Content-Type-Options", "nosniff"),
        ),
        body=body,
        gzip_body=gzip.compress(body, mtime=0) if suffix in _COMPRESSIBLE else None,
    )


def _page_answer(page: str, body: bytes, frame_origins: Collection[str]) -> Answer:
    capture = _CAPTURE_SELF if page == "studio" else _CAPTURE_NONE
    return Answer(
        headers=(
            _HTML,
            ("Cache-Control", "no-cache"),
            ("Content-Security-Policy", _CSP + " ".join((_NO_FRAMES, *frame_origins))),
            *_SECURITY,
            ("Permissions-Policy", capture),
        ),
        body=body,
        gzip_body=gzip.compress(body, mtime=0),
    )


def _plain_page(status: int, title: str, sentence: str) -> Answer:
    body = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<h1>{title}</h1><p>{sentence}</p></html>\n"
    )
    return Answer(
        status=status,
        headers=(
            _HTML,
            ("Cache-Control", NO_STORE),
            ("Content-Security-Policy", _CSP + _NO_FRAMES),
            *_SECURITY,
        ),
        body=body.encode(),
    )


_NO_SUCH_PAGE = _plain_page(404, "Not here", "There is no such page or show.")
_NOT_BUILT = _plain_page(
    503, "Not built", "The web pages are not built. Run <code>make setup</code> and start again."
)
