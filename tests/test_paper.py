"""The draft of a paper: its numbers are those of the sources, its references are there."""

import importlib.util
import re

import pytest
import yaml

from folders import ROOT

PAPER = ROOT / "paper"
TEXT = (PAPER / "paper.md").read_text(encoding="utf-8")
TEMPLATE = (PAPER / "template.md").read_text(encoding="utf-8")
_, HEAD, BODY = TEXT.split("---\n", 2)
BIB = (PAPER / "paper.bib").read_text(encoding="utf-8")
REFERENCES = dict(re.findall(r"^@\w+\{(\w+),\n(.*?)^\}", BIB, re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def paper():
    spec = importlib.util.spec_from_file_location("fill", PAPER / "fill.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_numbers_are_those_of_the_sources(paper):
    """Where this fails, a source has changed: `python paper/fill.py` writes the paper anew."""
    assert paper.filled(TEMPLATE, paper.numbers()) == TEXT


def test_a_number_of_no_source_is_refused(paper):
    assert paper.filled("{{a}} of {{b}}", {"a": "1", "b": "2"}) == "1 of 2"
    with pytest.raises(KeyError, match=r"no source: \['c'\]; left out by the text: \['b'\]"):
        paper.filled("{{a}} of {{c}}", {"a": "1", "b": "2"})


def test_no_number_is_written_by_hand():
    """All digits of the text come from names, but for those of names, levels and citations."""
    own = re.sub(
        r"\[[^\]]*@[^\]]*\]|\{\{\w+\}\}|BSD 3-Clause|EMC2|90 %", "", TEMPLATE.split("---\n", 2)[2]
    )
    assert re.findall(r"\d+", own) == []


def test_ratios_are_taken_within_runs(paper, tmp_path, monkeypatch):
    head = "| program | us/gradient, 2 chains | min bulk ESS/s |\n| --- | --- | --- |\n"
    runs = [
        "| stan | 500 | 2.0 |\n| scan | 30 | 9 |\n| engine | 20 | 20 |\n",
        "| stan | 900 | 1.0 |\n| scan | 60 | 9 |\n| engine | 20 | 30 |\n",
    ]
    (tmp_path / "benchmarks").mkdir()
    text = "\nSeed 2:\n\n".join(head + run for run in runs)
    text += "\n`careful` took 200 us per gradient where the usual program took 500."
    (tmp_path / "benchmarks" / "README.md").write_text(text, encoding="utf-8")
    monkeypatch.setattr(paper, "ROOT", tmp_path)
    expected = {"times_careful": "2.5", "times_scan": "1.5 to 3.0", "times_stan": "10 to 30"}
    assert paper.of_gradients() == expected


def test_references_are_cited_and_have_a_doi():
    cited = set(re.findall(r"@(\w+)", BODY))
    assert cited == REFERENCES.keys()
    for key, entry in REFERENCES.items():
        assert re.search(r"^  doi = \{10\.\d{4,9}/\S+\}$", entry, re.MULTILINE), key
        assert re.search(r"^  (author|title) = ", entry, re.MULTILINE), key


def test_its_head_is_what_the_journal_asks():
    head = yaml.safe_load(HEAD)
    assert {"title", "tags", "authors", "affiliations", "date", "bibliography"} <= head.keys()
    assert (PAPER / head["bibliography"]).is_file()
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert [author["name"] for author in head["authors"]] == [a["name"] for a in cited["authors"]]
    assert head["title"] == cited["title"]
    assert len(BODY.split()) < 1200
    for section in ("Summary", "Statement of need", "State of the field", "Acknowledgements"):
        assert f"\n# {section}\n" in BODY
