"""Names are in the field's words: those that were retired do not come back."""

import ast
import re

from folders import ROOT

GLOSSARY = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("\n## Names\n")[1]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in GLOSSARY.split("\n## ")[0].splitlines()
    if line.startswith("|")
][2:]
RETIRED = {word for row in ROWS for word in row[2].split() if word not in ("-", "apart")} | {
    "found",
    "stirred",
}


def names():
    """Every function and class, and every argument of a public function: (file, name)."""
    for file in sorted((ROOT / "empathymodels").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                yield file.name, node.name
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield from ((file.name, one.arg) for one in node.args.kwonlyargs)


def words(name):
    """Parts of a name: "ToldApart" and "_told_apart" are the same."""
    return {part.lower() for part in re.findall(r"[A-Z]?[a-z]+", name)}


def test_the_glossary_says_what_every_term_means():
    assert len(ROWS) >= 12
    assert all(len(row) == 3 and all(row) for row in ROWS)
    assert {"held", "told", "stir", "suited"} <= RETIRED


def test_retired_words_do_not_come_back():
    every = list(names())
    assert len(every) > 1000
    back = [(file, name) for file, name in every if words(name) & RETIRED]
    assert back == []
