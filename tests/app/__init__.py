"""Tests of the page; a package, so that its conftest has a name of its own."""
