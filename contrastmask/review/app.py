"""The addresses of the page: itself, an object, its pictures; decisions, undoing, finishing."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from contrastmask.completion.source_file import SourceFile
from contrastmask.errors import ConfigError, ContrastMaskError, DataError
from contrastmask.review.decisions import ConflictError, Decisions
from contrastmask.review.finish import finish, told
from contrastmask.review.objects import Objects
from contrastmask.review.options import ORDERS, SOURCES, ReviewOptions
from contrastmask.review.pictures import Pictures
from contrastmask.review.queue import Queue, Wish
from contrastmask.review.states import ACCEPTED, STATES
from contrastmask.review.view import AROUND, WHOLE, Views, window

MOST = 1 << 14  # bytes that a browser may send at once
NAME = 64  # characters of a window's own name
STATIC = {"app.js": "text/javascript", "style.css": "text/css", "icon.svg": "image/svg+xml"}


class Shown(NamedTuple):
    """An answer, and the object that will be asked for next."""

    text: str
    coming: int | None


class Pages:
    """What is answered, without knowing how it is asked; several threads at once may call."""

    def __init__(self, options: ReviewOptions, source: SourceFile, objects: Objects, decisions: Decisions) -> None:
        self.options, self.source, self.objects, self.decisions = options, source, objects, decisions
        self.queue = Queue(objects, decisions, options.seed)
        self.views, self.pictures = Views(self.queue), Pictures(objects.records)
        self.templates = Environment(
            loader=PackageLoader("contrastmask.review"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_printable,
        )

    @property
    def first(self) -> Wish:
        """What a new window asks for."""
        return Wish(
            self.options.order or ("suspicion" if self.objects.suspected else "confidence"),
            self.options.reverse,
            source=self.objects.source(self.options.source),
        )

    def page(self) -> str:
        """The frame that objects are put into."""
        objects = self.objects
        return self.templates.get_template("page.html").render(
            file=self.options.annotations.name,
            wish=self.first,
            orders=ORDERS if objects.suspected else [order for order in ORDERS if order != "suspicion"],
            sources=SOURCES,
            states=STATES,
            classes=objects.records.class_names,
        )

    def show(self, wish: Wish, name: str, place: int | None, notice: str = "") -> Shown:
        """An object, or that there is none left, and which comes next; ``name`` is the window's."""
        self.queue.look(name, place)
        with self.decisions.lock:
            counts = self.queue.counts(wish)
            view = None if place is None else self.views.view(place, wish)
        coming = None if place is None else self.queue.step(wish, name, place)
        text = self.templates.get_template("object.html").render(
            view=view, counts=counts, coming=coming, notice=notice, target=self.options.target.name
        )
        return Shown(text, coming)

    def step(self, wish: Wish, name: str, place: int | None, way: str) -> Shown:
        """The object at ``place`` ("here"), or one "next" to it or "back" from it, or the "first"."""
        if way == "here" and place is not None:
            self.objects.at(place)
            return self.show(wish, name, place)
        if way not in ("first", "next", "back"):
            raise ConfigError("there is no such way to go")
        found = self.queue.step(wish, name, None if way == "first" else place, back=way == "back")
        if found is None and place is not None and way != "first":
            return self.show(wish, name, place, "there is no other one of this choice")
        return self.show(wish, name, found)

    def decide(self, wish: Wish, name: str, place: int, state: int, seen: int) -> Shown:
        """Say something of an object, then show the next one. Raises ConflictError."""
        self.objects.at(place)
        self.decisions.decide([place], state, name, seen)
        return self.show(wish, name, self.queue.step(wish, name, place))

    def accept_surer(self, wish: Wish, name: str, place: int, seen: int) -> Shown:
        """Accept the object and all undecided ones of its class that are as sure as it. Raises ConflictError."""
        with self.decisions.lock:
            rows = self.queue.surer(place)
            if not rows:
                raise ConfigError("nothing is known of this mask's confidence")
            self.decisions.decide(rows, ACCEPTED, name, seen)
        return self.show(wish, name, self.queue.step(wish, name, place), f"{len(rows)} accepted")

    def undo(self, wish: Wish, name: str) -> Shown:
        """Take this window's last decision back and show what it was about. Raises ConflictError."""
        rows = self.decisions.undo(name)
        notice = "undone" if len(rows) == 1 else f"undone for {len(rows)} masks"
        return self.show(wish, name, rows[0] if int(self.objects.position[rows[0]]) >= 0 else None, notice)

    def finish(self) -> str:
        """Write the file; what was written."""
        return told(finish(self.options, self.source, self.objects, self.decisions), self.options.target)

    def picture(self, place: int, name: str) -> bytes:
        """A view's part of the object's image, as JPEG."""
        if name not in (*AROUND, WHOLE):
            raise DataError("there is no such view")
        a = self.objects.at(place)
        return self.pictures.part(self.objects.records.image_of(a), window(self.objects, a, name))


def application(pages: Pages) -> Starlette:
    """The ASGI application, without its guard."""
    classes = len(pages.objects.records.class_names)

    def answer(shown: Shown, status: int = 200) -> Response:
        later = None if shown.coming is None else BackgroundTask(pages.views.prepare, shown.coming)
        return HTMLResponse(shown.text, status, background=later)

    def page(request: Request) -> Response:
        return HTMLResponse(pages.page())

    def static(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in STATIC:
            return PlainTextResponse("no such file", 404)
        text = pages.templates.loader.get_source(pages.templates, name)[0]
        return Response(text, media_type=STATIC[name])

    def look(request: Request) -> Response:
        words = dict(request.query_params)
        place = _whole(words["place"]) if words.get("place") else None
        return answer(pages.step(Wish.read(words, classes), _window(words), place, words.get("way", "first")))

    def picture(request: Request) -> Response:
        path = request.path_params
        content = pages.picture(_whole(path["place"]), path["view"])
        return Response(content, media_type="image/jpeg", headers={"cache-control": "private, max-age=3600"})

    async def act(request: Request) -> Response:
        words = await _sent(request)
        wish, name = Wish.read(words.get("wish") or {}, classes), _window(words)
        what = request.path_params["what"]
        try:
            if what == "undo":
                return answer(await run_in_threadpool(pages.undo, wish, name))
            place, seen = _whole(words.get("place")), _whole(words.get("seen"))
            try:
                if what == "surer":
                    return answer(await run_in_threadpool(pages.accept_surer, wish, name, place, seen))
                if what not in STATES[1:]:
                    raise ConfigError("there is no such decision")
                return answer(await run_in_threadpool(pages.decide, wish, name, place, STATES.index(what), seen))
            except ConflictError as conflict:
                shown = await run_in_threadpool(pages.show, wish, name, place, f"not taken: {conflict}")
                return answer(shown, 409)
        except ConflictError as conflict:
            return PlainTextResponse(str(conflict), 409)

    async def end(request: Request) -> Response:
        await _sent(request)
        return PlainTextResponse(await run_in_threadpool(pages.finish))

    def failed(request: Request, error: Exception) -> Response:
        return PlainTextResponse(_printable(str(error)), 404 if isinstance(error, DataError) else 400)

    routes = [
        Route("/", page),
        Route("/static/{name}", static),
        Route("/object", look),
        Route("/picture/{place}/{view}.jpg", picture),
        Route("/say/{what}", act, methods=["POST"]),
        Route("/finish", end, methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={ContrastMaskError: failed})


async def _sent(request: Request) -> dict[str, Any]:
    """The JSON object of a request. A form of another site cannot send that type without asking."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise ConfigError("JSON is wanted")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST:
            raise ConfigError("that is too long")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ConfigError("a JSON object is wanted")
    return found


def _whole(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < NAME:
        value = int(value)
    if type(value) is not int:
        raise ConfigError("a number is wanted")
    return value


def _window(words: dict[str, Any]) -> str:
    name = words.get("window")
    if not isinstance(name, str) or not 0 < len(name) <= NAME:
        raise ConfigError("a window must say which it is")
    return name


def _printable(value: Any) -> Any:
    """Text that UTF-8 can hold: names out of a file may have halves of characters in them."""
    return value.encode("utf-8", "backslashreplace").decode() if type(value) is str else value
