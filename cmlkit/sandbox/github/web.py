"""The web pages."""

from __future__ import annotations

from werkzeug.wrappers import Request, Response

from cmlkit.sandbox.github.hub import Hub


class Web:
    """The web pages over a hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def answer(self, request: Request) -> Response:
        return Response(status=404)

    def pull_request_page(self, full_name: str, number: int, *, inline: bool) -> str:
        return ""
