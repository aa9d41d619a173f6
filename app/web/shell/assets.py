"""The files that every page loads: style, scripts and the icon, under addresses that hold a hash.

A browser keeps them for a year; a new version has a new address.
"""

import hashlib
from functools import cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

FOLDER = Path(__file__).parent / "assets"
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FOR_EVER = "public, max-age=31536000, immutable"

# Vendored unchanged: npm's htmx.org 4.0.1, dist/htmx.min.js (BSD-0, htmx.LICENSE).
HTMX_SHA256 = "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130"


def serve_asset(request: Request, name: str) -> Response:
    """One of the files, compressed by whoever stands before us; 404 for all other names."""
    content = _contents().get(name)
    if content is None:
        raise HTTPException(404)
    response = Response(content, media_type=KINDS[Path(name).suffix])
    if request.query_params.get("v") == _version(name):
        request.state.cache_control = FOR_EVER
    return response


def asset_address(name: str) -> str:
    """The address of a file, with its version; raises `KeyError` for a file that is not there."""
    return f"/assets/{name}?v={_version(name)}"


@cache
def _contents() -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in FOLDER.iterdir() if file.suffix in KINDS}


@cache
def _version(name: str) -> str:
    return hashlib.sha256(_contents()[name]).hexdigest()[:10]
