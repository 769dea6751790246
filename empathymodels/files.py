"""Files written whole or not at all, and never over anything that would be lost.

What is written goes into a hidden folder beside its target and is renamed into place once all of it
is complete. The folder is locked while somebody writes. One that a killed process left is not
locked any more: the next that writes in the same place removes it, and first puts back what was
about to be replaced.

Every verb that writes has a `Rule` that says what it may replace. A link, a read-only file, a
device and whatever the rule keeps are refused, before anything is computed and again before
anything is put in place.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from empathymodels.messages import counted, listed

WRITING = ".empathymodels-writing"  # marks our hidden folders; locked as long as somebody writes
NEW, OLDER = "new", "older"  # in them: what is to come, and what was there


@dataclass(frozen=True)
class Rule:
    """What may be replaced.

    Attributes
    ----------
    kept : callable
        ``kept(path) -> str``: what lies there that must stay, in words for "found ..."; empty
        where it may be replaced. Asked of files and folders only.
    remedy : str
        What to do about it: a sentence.
    """

    kept: Callable[[Path], str]
    remedy: str = "Choose another name, or move it away."


def lying(path: Path) -> str:
    """Say what lies at a path."""
    if path.is_symlink():
        return f"a link to '{os.readlink(path)}'"
    if path.is_dir():
        names = sorted(entry.name for entry in path.iterdir())
        return f"a folder with {_entries(names)}" if names else "an empty folder"
    if path.is_file():
        locked = "" if _is_writable(path) else "read-only "
        return f"a {locked}file of {counted(path.stat().st_size, 'byte')}"
    return "a device or a pipe"


def _entries(names: Sequence[str]) -> str:
    number = "1 entry" if len(names) == 1 else f"{len(names):,} entries"
    return f"{number} ({listed(names, 5)})"


def _is_writable(path: Path) -> bool:
    """Whether somebody may write to a file; an administrator may always, so ask of the file."""
    return bool(path.stat().st_mode & 0o222)


def _unless_file(path: Path) -> str:
    return "" if path.is_file() else lying(path)


NOTHING = Rule(lying)
ANY_FILE = Rule(_unless_file)  # where somebody said so


def refuse_loss(path: Path, rule: Rule = NOTHING) -> None:
    """Raise FileExistsError where writing to a path would lose what lies there."""
    if not os.path.lexists(path):
        return
    is_plain = not path.is_symlink() and (path.is_dir() or path.is_file())
    found = rule.kept(path) if is_plain and _is_writable(path) else lying(path)
    if found:
        raise FileExistsError(
            f"What is written must not replace anything that would be lost; found {found} at "
            f"'{path}'. {rule.remedy}"
        )


@contextmanager
def whole(*paths: Path, what: str = "A file", rule: Rule = NOTHING) -> Iterator[list[Path]]:
    """Give a place to write for every path; what was written there is put in place in the end.

    Parameters
    ----------
    *paths : Path
        Files or folders. Their parents are made if needed.
    what : str
        What is written, for messages: "A fit of 3 MB".
    rule : Rule
        What may be replaced; nothing unless given.

    Yields
    ------
    list of Path
        Where to write instead, in the order of `paths`. Whatever goes wrong until the end, all
        paths are as they were before.

    Raises
    ------
    FileExistsError
        Something that may not be replaced lies there, or came to lie there meanwhile.
    OSError
        They cannot be written, on a full disk for example.
    """
    for path in paths:
        refuse_loss(path, rule)
    try:
        with ExitStack() as stack:
            folders = dict.fromkeys(path.parent for path in paths)
            beside = {folder: stack.enter_context(_beside(folder, paths[0])) for folder in folders}
            hidden = [beside[path.parent] for path in paths]
            yield [place / NEW / path.name for place, path in zip(hidden, paths, strict=True)]
            for path in paths:
                refuse_loss(path, rule)
            _put_in_place(dict(zip(paths, hidden, strict=True)))
    except OSError as error:
        if isinstance(error, FileExistsError) and error.errno is None:  # of refuse_loss
            raise
        raise _failed(error, paths, what) from error


def _failed(error: OSError, paths: Sequence[Path], what: str) -> OSError:
    """Say that something cannot be written; the system's number of the error is kept."""
    words = os.strerror(error.errno) if error.errno else str(error)
    before = "; the older one there is as it was" if any(map(os.path.lexists, paths)) else ""
    failed = OSError(
        f"{what} must be written whole; {listed(paths, 3)} cannot be: {words}{before}. Make room "
        "on that disk, see that the folder may be written to, or choose another place."
    )
    failed.errno = error.errno
    return failed


@contextmanager
def _beside(folder: Path, target: Path) -> Iterator[Path]:
    """Make a hidden folder that is locked while somebody writes, and removed in the end."""
    folder.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder)
    with tempfile.TemporaryDirectory(
        dir=folder, prefix=f".{target.stem}-", ignore_cleanup_errors=True
    ) as made:
        hidden = Path(made)
        (hidden / NEW).mkdir()
        (hidden / OLDER).mkdir()
        mark = (hidden / "mark").open("w")
        with mark:
            _lock(mark)
            (hidden / "mark").rename(hidden / WRITING)  # locked already when others can see it
            yield hidden


def _lock(file: IO[str]) -> bool:
    """Lock a file for as long as it is open; whether that was possible (never on Windows)."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left in a folder, after putting back what they set aside."""
    for mark in folder.glob(f".*/{WRITING}"):
        with suppress(OSError), mark.open("r+") as file:
            if not _lock(file):
                continue
            for older in (mark.parent / OLDER).iterdir():
                if not os.path.lexists(folder / older.name):
                    os.replace(older, folder / older.name)
            shutil.rmtree(mark.parent)


def _put_in_place(hidden: dict[Path, Path]) -> None:
    """Rename what is complete into place, all or nothing."""
    done: list[Path] = []
    try:
        for path, place in hidden.items():
            done.append(path)
            if os.path.lexists(path):
                _set_aside(path, place / OLDER / path.name)
            os.replace(place / NEW / path.name, path)
    except BaseException:
        for path in reversed(done):
            _restore(path, hidden[path])
        raise


def _set_aside(path: Path, older: Path) -> None:
    """Keep what lies at a path until all is done: a file by a second name, so it is never gone."""
    if path.is_file():
        with suppress(OSError):  # not every file system has links
            os.link(path, older)
            return
    os.replace(path, older)


def _restore(path: Path, place: Path) -> None:
    """Undo what was done with a path."""
    new, older = place / NEW / path.name, place / OLDER / path.name
    is_placed, had_older = not os.path.lexists(new), os.path.lexists(older)
    if is_placed and os.path.lexists(path) and (path.is_dir() or not had_older):
        os.replace(path, new)
    if had_older:
        os.replace(older, path)
