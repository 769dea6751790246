"""What every page needs: sessions, workers, models, and how a page is made of its parts."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from empathymodels.app.guard import MOST
from empathymodels.app.page_words import in_page_words, own_names, problems_of, with_own_names
from empathymodels.app.progress import short
from empathymodels.app.session import Session, Sessions
from empathymodels.app.worker import Worker
from empathymodels.declaration.catalog import get_model, list_models
from empathymodels.declaration.model import Model
from empathymodels.declaration.recorded import by_recording
from empathymodels.messages import listed, sentence, words
from empathymodels.version import __version__

FOLDER = Path(__file__).parent
FAULTS = (KeyError, OSError, TypeError, ValueError)  # of data and choices, in words for the user
STATE_WORDS = {
    "new": "not fitted yet",
    "waiting": "waiting for its turn",
    "started": "being fitted",
    "stopped": "stopped",
    "failed": "failed",
    "done": "done",
}
TAKEN = ("analysis", "design", "comparison")  # names of our scripts and of what they write


class Desk:
    """What the pages of all sessions share.

    Parameters
    ----------
    sessions : Sessions
        Where they are.
    workers : mapping of str to Worker
        Who runs scripts, by their kind.
    own_models : mapping of str to Path
        Files of models of one's own, by name. They are run: who starts the server names them.
    """

    def __init__(
        self,
        sessions: Sessions,
        workers: Mapping[str, Worker],
        own_models: Mapping[str, Path] | None = None,
    ):
        self.sessions, self.workers = sessions, workers
        self.own_models = dict(own_models or {})
        own = {name: get_model(file).title for name, file in self.own_models.items()}
        self.models = own | list_models()
        self._pages = Environment(
            loader=FileSystemLoader(FOLDER / "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._pages.filters |= {"words": words, "sentence": sentence, "short": short}
        self._pages.filters |= {"problems": problems_of, "page_words": in_page_words}

    def page(self, name: str, *, status: int = 200, **parts: Any) -> Response:
        """Return a page made of its parts."""
        page = self._pages.get_template(f"{name}.html.jinja")
        return HTMLResponse(
            page.render(**parts, version=__version__, most=MOST), status_code=status
        )

    @cached_property
    def by_recording(self) -> dict[str, list[tuple[Model, list[str]]]]:
        """The models that are offered by what they explain; all are read, so only once asked."""
        return by_recording(get_model(self.own_models.get(name, name)) for name in self.models)

    def session(self, request: Request) -> Session:
        """Return the session that an address names."""
        session = self.sessions.get(request.path_params["session"])
        if session is None:
            raise HTTPException(404, "There is no such analysis.")
        return session

    def refuse_while_running(self, session: Session) -> None:
        """Refuse to change what is being fitted."""
        if self.workers["analysis"].state(session) in ("waiting", "started"):
            raise HTTPException(409, "What is being fitted cannot be changed.")


def named_models(files: Sequence[Path]) -> dict[str, Path]:
    """Return files of models of one's own by name, once each of them is found to be one.

    Raises
    ------
    FileNotFoundError, KeyError, TypeError, ValueError
        A file is not there, is no model, or has a name that is taken.
    """
    models: dict[str, Path] = {}
    taken = {*list_models(), *TAKEN}
    for file in files:
        if file.suffix != ".py":
            raise ValueError(f"A model of your own is a .py file; found '{file}'. Give its path.")
        check_own_model(file)
        if file.stem.casefold() in taken:
            raise ValueError(
                f"A model of your own must have a name that is not taken; found '{file.stem}'. "
                f"Taken are {listed(sorted(taken), 40)}. Rename the file."
            )
        if _hides_module(file):
            raise ValueError(
                "A model of your own must not be called as a module of Python is, since scripts "
                f"beside its copy would import it in place of that; found '{file.stem}'. Rename "
                f"the file, for example my_{file.stem}.py."
            )
        taken.add(file.stem.casefold())
        models[file.stem] = file.resolve()
    return models


def check_own_model(file: Path) -> None:
    """Refuse a file of one's own that is no model, or whose fit would have the name of a rival's.

    Raises
    ------
    FileNotFoundError, TypeError, ValueError
        The file is not there, is no model, or is called as one of its rivals.
    """
    rivals = get_model(file).rivals_by_name
    if file.stem in rivals:
        raise ValueError(
            f"A model of your own must not be called as one of its rivals; '{file.stem}' is, among "
            f"{listed(rivals)}. Rename the file or the rival."
        )


def _hides_module(file: Path) -> bool:
    """Whether another module than the file is imported by its name."""
    name = file.stem
    if not name.isidentifier():
        return False
    if name in sys.stdlib_module_names or name in sys.modules:
        return True
    found = find_spec(name)
    return found is not None and found.origin != str(file.resolve())


def words_of(error: Exception, session: Session) -> str:
    """Return what an error says, in the words of the page and with files by their own names."""
    text = str(error.args[0]) if error.args else type(error).__name__
    files = session.choices["files"] if session.has_choices else {}
    return in_page_words(with_own_names(text, session.folder, own_names(files)))


def to(session: Session, page: str) -> Response:
    """Send on to a page of a session."""
    return RedirectResponse(f"/session/{session.id}/{page}", status_code=303)
