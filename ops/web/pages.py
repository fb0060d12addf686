"""How a page is made: templates, and the files that go with it.

Owns the templates' settings and the static files, which are read once. Must not know a page's words or
figures. Invariants: whatever a template prints is escaped; a name it lacks is an error, not an empty place; a
static file is asked for by what it holds, so a browser may keep it for ever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any, Final, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ops.web.fields import NOTHING_TYPED, seen_field, typed_in
from ops.web.language import LANGUAGES, NAMES, Speech, Words
from ops.web.refusals import tell
from ops.web.throttled import headers_of

HERE: Final = Path(__file__).parent
TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FOR_EVER: Final = "public, max-age=31536000, immutable"


class Asset(NamedTuple):
    """A static file: its bytes, its type, and a word for its contents."""

    body: bytes
    content_type: str
    version: str


def read_assets(folders: Sequence[Path]) -> dict[str, Asset]:
    """Return the static files of folders, by their path below them; no two folders may hold the same."""
    assets: dict[str, Asset] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if (kind := TYPES.get(path.suffix)) is None:
                continue
            name, body = path.relative_to(folder).as_posix(), path.read_bytes()
            assert name not in assets, name
            assets[name] = Asset(body, f"{kind}; charset=utf-8", hashlib.sha256(body).hexdigest()[:12])
    return assets


class Pages:
    """Makes the pages of one site in every language."""

    def __init__(
        self,
        words: Words,
        folders: Sequence[Path] = (),
        *,
        contact: str = "",
        helpers: Mapping[str, object] | None = None,
    ) -> None:
        self._words = words
        self.assets = read_assets([HERE / "static", *(folder / "static" for folder in folders)])
        self._environment = Environment(
            loader=FileSystemLoader([folder / "templates" for folder in (*folders, HERE)]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(asset=self._asset, contact=contact, **(helpers or {}))
        self._environment.globals.update(
            typed_in=typed_in, nothing_typed=NOTHING_TYPED, seen_field=seen_field
        )

    def render(
        self, request: Request, template: str, *, status: int = 200, is_once: bool = False, **values: Any
    ) -> Response:
        """Return a page in the language of the request, times in the zone of whose pages they are; `is_once`:
        whether it holds what no page shows again, and so no link to itself in another language.
        """
        language, page = request.state.language, request.state.page
        speech = Speech(language, self._words, getattr(request.state, "zone", UTC))
        html = self._environment.get_template(template).render(
            language=language,
            page=page,
            request=request,
            others=[(each, NAMES[each]) for each in LANGUAGES if each != language and not is_once],
            t=speech.say,
            day=speech.day,
            moment=speech.moment,
            money=speech.zloty,
            numeral=speech.number,
            percent=speech.percent,
            counted=speech.counted,
            tell=lambda fault: tell(speech, fault),
            **values,
        )
        headers = {"Content-Language": language, "Vary": "Accept-Language, Cookie", **headers_of(status)}
        return HTMLResponse(html, status_code=status, headers=headers)

    def part(self, language: str, template: str, **values: Any) -> Markup:
        """Return a part of a page, the same for everybody, as its templates take it."""
        say = Speech(language, self._words).say
        return Markup(self._environment.get_template(template).render(t=say, **values))  # noqa: S704 escaped there

    async def static(self, request: Request) -> Response:
        """Answer with a static file."""
        asset = self.assets.get(request.path_params["name"])
        if asset is None:
            return Response("not found\n", status_code=404, media_type="text/plain")
        is_this = request.query_params.get("v") == asset.version
        return Response(
            asset.body,
            headers={
                "Content-Type": asset.content_type,
                "Cache-Control": FOR_EVER if is_this else "no-cache",
            },
        )

    def _asset(self, name: str) -> str:
        return f"/static/{name}?v={self.assets[name].version}"
