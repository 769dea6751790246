"""The version of the package, in the one place where it is written, and those of others."""

from importlib.metadata import version

__version__ = "0.2.0"


def versions(*packages: str) -> dict[str, str]:
    """Return the version of this package, and those of others that are installed."""
    return {"empathymodels": __version__} | {name: version(name) for name in packages}
