"""Whether a file is a fit as `save` wrote it: its seal, the sizes it claims, what it must hold.

A file may be damaged, or made by somebody who means no good. So it is checked in this order, each
step making the next one safe: that its bytes are those that were written, that the numbers it
claims to hold can be in it, and that what it says in words is of the kind that is read.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from empathymodels.messages import listed

SEAL = b"\nempathymodels sha256 "  # after the end of an HDF5 file, followed by the digest
SEALED = "sha256"  # attribute of the root of a Zarr folder that holds the digest
LENGTH = len(SEAL) + 64
MARKS = {"model", "fingerprint", "format"}  # attributes by which a fit of ours is known
DENSEST = 1000  # bytes in memory that a byte in a file can stand for, by compression
DEEPEST = 4  # groups within groups; a fit has two
SPARE = 2**26  # bytes that any file may claim
NAME = re.compile(r"[^/\\\0]{1,200}")  # of a model: it may become that of a file
REMEDY = "Take another copy, or fit and save again."
NO_VARIABLE = b"This is a netCDF dimension but not a netCDF variable"


# ------------------------------------------------------------------------------------ seals


def seal(path: Path) -> None:
    """Write into a complete file or Zarr folder what its content is, to know damage later."""
    if path.is_dir():
        root = path / "zarr.json"
        content = json.loads(root.read_bytes())
        content["attributes"][SEALED] = _digest_of_folder(path)
        root.write_text(json.dumps(content, indent=2), encoding="utf-8")
        return
    digest = _digest_of_file(path, path.stat().st_size)
    with path.open("ab") as file:
        file.write(SEAL + digest.encode())


def damage(path: Path) -> str:
    """Say that the content is not what the seal says; empty where it is, or there is no seal."""
    if path.is_dir():
        expected = root_attributes(path).get(SEALED)
        found = _digest_of_folder(path) if expected is not None else None
    else:
        size = path.stat().st_size - LENGTH
        expected = _seal_of_file(path, size)
        found = _digest_of_file(path, size) if expected is not None else None
    if found == expected:
        return ""
    return (
        f"A fit must be read as save() wrote it; the content of {path.name} is another now: "
        f"damaged on a disk or in copying, or changed by another program. {REMEDY}"
    )


def _seal_of_file(path: Path, size: int) -> str | None:
    if size < 0:
        return None
    with path.open("rb") as file:
        file.seek(size)
        end = file.read()
    return end[len(SEAL) :].decode(errors="replace") if end.startswith(SEAL) else None


def _digest_of_file(path: Path, size: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while size > 0 and (block := file.read(min(size, 2**20))):
            digest.update(block)
            size -= len(block)
    return digest.hexdigest()


def _digest_of_folder(path: Path) -> str:
    """Digest of all files but hidden ones; of the root, of its content without the seal."""
    digest = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        place = file.relative_to(path).as_posix()
        if file.name.startswith("."):
            continue
        content = file.read_bytes()
        if place == "zarr.json":
            root = json.loads(content)
            root.get("attributes", {}).pop(SEALED, None)
            content = json.dumps(root, sort_keys=True).encode()
        digest.update(f"{place}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def root_attributes(path: Path) -> Mapping[str, Any]:
    """Attributes of the root of a file or Zarr folder; none where it cannot be read."""
    try:
        if path.is_dir():
            found = json.loads((path / "zarr.json").read_bytes())["attributes"]
        else:
            with h5py.File(path) as stored:
                found = dict(stored.attrs)
    except Exception:  # HDF5 raises whatever it meets in a file of another kind
        return {}
    return found if isinstance(found, dict) else {}


# ------------------------------------------------------------------------------------ sizes


def absurd_size(path: Path, *, growing: bool = False) -> str:
    """Say that a file claims more numbers than can be in it, or than memory holds; else empty.

    To be asked before anything is read: what makes an array asks for the memory that it claims.
    Of a folder that is growing, only chunks that are there are read.
    """
    if path.is_dir():
        stored = sum(map(_size_of, path.rglob("*")))
        claimed = sum(_claims_of_folder(path, growing=growing))
    else:
        stored, claimed = path.stat().st_size, _claim_of_file(path)
    most, memory = DENSEST * stored + SPARE, _memory()
    if claimed <= min(most, memory):
        return ""
    why = "that cannot be" if claimed > most else f"this machine has {_amount(memory)} of memory"
    return (
        "The numbers that a fit says it holds must be in it, and fit into memory; "
        f"{path.name} has {_amount(stored)} and says that it holds {_amount(claimed)}: {why}. "
        f"{REMEDY}"
    )


def _size_of(file: Path) -> int:
    """Bytes of a file; none of a folder, or of what has got its final name since it was listed."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def _amount(number: int) -> str:
    return f"{number / 1e9:,.1f} GB" if number > 1e8 else f"{number / 1e3:,.0f} kB"


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows
        return 2**62


def _claim_of_file(path: Path) -> int:
    claims: list[int] = []

    def visit(_: str, entry: Any) -> None:
        if isinstance(entry, h5py.Dataset) and not _is_bare_dimension(entry):
            size = max(prod(entry.shape or ()), prod(entry.chunks or ()))
            claims.append(size * entry.dtype.itemsize)

    with h5py.File(path) as stored:
        _refuse_links(stored, {h5py.h5o.get_info(stored.id).addr})
        stored.visititems(visit)
    return sum(claims)


def _refuse_links(group: h5py.Group, known: set[int]) -> None:
    """Raise ValueError for what is in a group by a link, to itself even, and so without end."""
    for name in group:
        is_own = isinstance(group.get(name, getlink=True), h5py.HardLink)
        address = h5py.h5o.get_info(group.id, name.encode()).addr if is_own else -1
        if not is_own or address in known:
            raise ValueError(f"'{name}' in {group.name} is a link to something else")
        known.add(address)
        if group.get(name, getclass=True) is h5py.Group:
            _refuse_deep(f"{group.name}/{name}")
            _refuse_links(group[name], known)


def _refuse_deep(place: str) -> None:
    """Raise ValueError for groups within groups: the time to open them doubles with each."""
    if len([name for name in place.split("/") if name]) > DEEPEST:
        raise ValueError(f"groups lie {DEEPEST} deep at most, not '{place[:60]}...'")


def _is_bare_dimension(entry: Any) -> bool:
    """Whether it only says how long a dimension is; its numbers are never read."""
    return bytes(entry.attrs.get("NAME", b"")).startswith(NO_VARIABLE)


def _claims_of_folder(path: Path, *, growing: bool) -> Iterator[int]:
    for file in path.rglob("zarr.json"):
        about = json.loads(file.read_bytes())
        if about.get("node_type") != "array":
            _refuse_deep(file.parent.relative_to(path).as_posix())
            continue
        chunk = prod(about["chunk_grid"]["configuration"]["chunk_shape"])
        size = max(prod(about["shape"]), chunk)
        if growing:
            size = chunk * sum(1 for entry in (file.parent / "c").rglob("*") if entry.is_file())
        yield size * _itemsize(about["data_type"])


def _itemsize(data_type: Any) -> int:
    if isinstance(data_type, Mapping):  # texts of one length, in bits or bytes
        return int(data_type.get("configuration", {}).get("length_bytes", 8))
    return 8 if data_type == "string" else np.dtype(data_type).itemsize


# -------------------------------------------------------------------------------- what it says


def _of(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds) and not isinstance(value, bool)


def _are_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(entry, str) for entry in value.values())


def _are_settings(value: Any) -> bool:
    """Whether they are those of `fit`: the length of the chains, or an approximation's draws."""
    if set(value) == {"draws"}:
        return _is_whole(value["draws"])
    plain = (str, int, float, type(None))
    return (
        _is_whole(value["chains"])
        and _is_whole(value["tune"], least=0)
        and (value["draws"] is None or _is_whole(value["draws"]))
        and isinstance(value["target_accept"], float)
        and 0 < value["target_accept"] < 1
        and isinstance(value["sampler"], dict)
        and all(isinstance(entry, plain) for entry in value["sampler"].values())
        and "zarr_store" not in value["sampler"]  # nothing in a file says where to write
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any, least: int = 1) -> bool:
    return type(value) is int and value >= least


def _are_counts(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_number, value.values()))


def _are_declarations(value: Any) -> bool:
    references = value["references"]
    return isinstance(references, list) and all(
        _are_texts(entry) and set(entry) == {"citation", "doi"} for entry in references
    )


def _are_versions(value: Any) -> bool:
    return _are_texts(value) and "empathymodels" in value


MOST_PLACES = 2**31  # more numbers than any density has


def _are_steps(value: Any) -> bool:
    return isinstance(value, list) and all(
        all(type(k) is int and 0 <= k < MOST_PLACES for k in places) and isinstance(weight, float)
        for *places, weight in value
    )


PLAIN: dict[str, Callable[[Any], bool]] = {
    "model": lambda value: isinstance(value, str) and NAME.fullmatch(value) is not None,
    "label": _of(str),
    "method": lambda value: value in ("nuts", "laplace", "map"),
    "fingerprint": _of(str),
    "model_text": _of(str),
    "seed": _of(int, np.integer),
    "format": _of(int, np.integer),
}
AS_JSON: dict[str, Callable[[Any], bool]] = {
    "variant": _of(list),
    "declarations": _are_declarations,
    "versions": _are_versions,
    "settings": _are_settings,
    "covariates": _are_texts,
    "missing": _are_counts,
    "left_out": _are_texts,
    "held": _are_texts,
    "asked": _of(dict),
    "shares": _of(dict),
    "combinations": _are_steps,
    "runs": _of(list),
}
NEEDED = {"model", "fingerprint", "variant", "versions", "declarations", "settings"}


def other_kinds(fit: xr.DataTree, path: Path) -> str:
    """Say what a fit says of itself that is not of the kind that is read; else empty."""
    wrong = sorted(NEEDED - set(fit.attrs))
    wrong += [name for name, is_right in PLAIN.items() if not _is(is_right, fit.attrs, name)]
    for name, is_right in AS_JSON.items():
        try:
            parsed = {name: json.loads(fit.attrs[name])} if name in fit.attrs else {}
        except (RecursionError, TypeError, ValueError):
            wrong.append(name)
        else:
            wrong += [] if _is(is_right, parsed, name) else [name]
    if "settings" not in wrong and not _is_complete(fit):
        wrong.append("settings")
    wrong += [] if "study" in fit.children else ["study"]
    if not wrong:
        return ""
    return (
        f"A fit must say of itself what save() writes; in {path.name} it does not in "
        f"{listed(dict.fromkeys(wrong))}. {REMEDY}"
    )


def no_draws(fit: xr.DataTree, path: Path) -> str:
    """Say that what a finished fit holds are no draws of numbers; else empty."""
    draws = fit["posterior"].to_dataset() if "posterior" in fit.children else xr.Dataset()
    wrong = [
        str(name)
        for name, values in draws.data_vars.items()
        if values.dims[:2] != ("chain", "draw") or values.dtype.kind not in "fiu"
    ]
    if draws.data_vars and not wrong:
        return ""
    found = f"{listed(wrong, 5)} of other kinds" if wrong else "nothing"
    return (
        "A fit must hold draws of numbers, by chain and draw; the posterior in "
        f"{path.name} holds {found}. {REMEDY}"
    )


def _is_complete(fit: xr.DataTree) -> bool:
    """Whether the settings of a sampled fit say more than how many draws there are."""
    is_sampled = fit.attrs.get("method", "nuts") == "nuts"
    return not is_sampled or "tune" in json.loads(fit.attrs["settings"])


def _is(is_right: Callable[[Any], bool], values: Mapping[str, Any], name: str) -> bool:
    try:
        return name not in values or is_right(values[name])
    except (KeyError, TypeError, ValueError):
        return False
