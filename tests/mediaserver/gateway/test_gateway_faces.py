"""The pages and their assets: types, caching, security headers, and what is missing."""

import gzip
from pathlib import Path

import pytest

from mediaserver.gateway.answers import Answer
from mediaserver.gateway.faces import MAX_WATCH_PAGES, Faces, load_faces

SCRIPT = b"console.log('hello');\n" * 50


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets" / "fonts").mkdir(parents=True)
    for page in ("home", "watch", "studio"):
        (folder / f"{page}.html").write_text(f"<!doctype html><title>{page}</title>")
    (folder / "assets" / "watch-a1b2.js").write_bytes(SCRIPT)
    (folder / "assets" / "look-c3d4.css").write_text("body{}")
    (folder / "assets" / "fonts" / "x.woff2").write_bytes(b"\x00\x01")
    (folder / "favicon.svg").write_text("<svg/>")
    (folder / "embed").mkdir()
    (folder / "embed" / "comptoir.js").write_bytes(SCRIPT)
    (folder / "demo").mkdir()
    (folder / "demo" / "jar.svg").write_text("<svg/>")
    return folder


@pytest.fixture
def faces(dist: Path) -> Faces:
    return load_faces(dist)


def found(faces: Faces, path: str) -> tuple[Answer, dict[str, str]]:
    answer = faces.find(path)
    assert answer is not None, path
    return answer, dict(answer.headers)


@pytest.mark.parametrize(
    ("path", "title"),
    [("/", b"home"), ("/watch/demo", b"watch"), ("/studio/my-show-2", b"studio")],
)
def test_pages(faces: Faces, path: str, title: bytes) -> None:
    answer, headers = found(faces, path)
    assert answer.status == 200
    assert title in answer.body
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "no-cache"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert answer.gzip_body is not None
    assert gzip.decompress(answer.gzip_body) == answer.body


def test_pages_may_run_a_player_and_only_the_studio_may_capture(faces: Faces) -> None:
    _, watch = found(faces, "/watch/demo")
    policy = dict(
        directive.split(" ", 1) for directive in watch["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == "'self'"
    assert "script-src" not in policy
    assert "blob:" in policy["worker-src"]
    assert "blob:" in policy["media-src"]
    assert "camera=()" in watch["Permissions-Policy"]
    _, studio = found(faces, "/studio/demo")
    for device in ("camera", "microphone", "display-capture"):
        assert f"{device}=(self)" in studio["Permissions-Policy"]


def test_only_the_watch_page_may_be_framed_by_the_shops_that_the_operator_names(dist: Path) -> None:
    faces = load_faces(dist, ("https://shop.example", "https://other.example:8443"))
    ancestors = {
        path: found(faces, path)[1]["Content-Security-Policy"].rpartition("; frame-ancestors ")[2]
        for path in ("/", "/watch/demo", "/studio/demo", "/watch/")
    }
    assert ancestors == {
        "/": "'self'",
        "/watch/demo": "'self' https://shop.example https://other.example:8443",
        "/studio/demo": "'self'",
        "/watch/": "'self'",
    }


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/assets/watch-a1b2.js", "text/javascript; charset=utf-8"),
        ("/assets/look-c3d4.css", "text/css; charset=utf-8"),
        ("/assets/fonts/x.woff2", "font/woff2"),
        ("/favicon.svg", "image/svg+xml"),
        ("/demo/jar.svg", "image/svg+xml"),
        ("/embed/comptoir.js", "text/javascript; charset=utf-8"),
    ],
)
def test_assets(faces: Faces, path: str, kind: str) -> None:
    answer, headers = found(faces, path)
    assert answer.status == 200
    assert headers["Content-Type"] == kind
    assert ("immutable" in headers["Cache-Control"]) == path.startswith("/assets/")


def test_scripts_are_gzipped_once_and_fonts_are_not(faces: Faces) -> None:
    script, _ = found(faces, "/assets/watch-a1b2.js")
    assert script.gzip_body is not None
    assert gzip.decompress(script.gzip_body) == SCRIPT
    font, _ = found(faces, "/assets/fonts/x.woff2")
    assert font.gzip_body is None


@pytest.mark.parametrize(
    "path",
    [
        "/watch/",
        "/watch/UPPER",
        "/watch/a_b",
        "/watch/-x",
        "/watch/" + "a" * 64,
        "/studio/%64emo",
        "/assets/none.js",
        "/assets/../watch.html",
        "/assets/",
    ],
)
def test_illegal_shows_and_missing_assets_are_not_found(faces: Faces, path: str) -> None:
    answer, headers = found(faces, path)
    assert answer.status == 404
    assert headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("path", ["/api/v1/shows", "/whip", "/watch.html", "/live/demo/whip"])
def test_the_rest_is_no_face(faces: Faces, path: str) -> None:
    assert faces.find(path) is None


def test_pages_that_are_not_built_say_so(tmp_path: Path) -> None:
    answer, headers = found(load_faces(tmp_path / "none"), "/watch/demo")
    assert answer.status == 503
    assert b"make setup" in answer.body
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("public_url", ["", "https://live.shop.example"])
def test_a_link_to_a_show_says_where_its_poster_is(dist: Path, public_url: str) -> None:
    meta = '<meta property="og:image" content="/poster-of-this-show.jpg" />'
    (dist / "watch.html").write_text(meta)
    faces = load_faces(dist, public_url=public_url)
    for show in ("demo", "other", "demo"):
        answer, _ = found(faces, f"/watch/{show}")
        assert f'content="{public_url}/live/{show}/poster.jpg"'.encode() in answer.body
        assert gzip.decompress(answer.gzip_body or b"") == answer.body
    for count in range(MAX_WATCH_PAGES + 1):
        found(faces, f"/watch/x{count}")
    assert len(faces._watch) <= MAX_WATCH_PAGES
