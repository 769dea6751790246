"""Texts of models as HTML: Markdown with equations, in which nothing can run or be loaded."""

from __future__ import annotations

import re
from html import unescape
from xml.etree.ElementTree import tostring

from latex2mathml.converter import convert_to_element
from markdown_it import MarkdownIt
from markupsafe import Markup

DISPLAYED = r"\$\$(.+?)\$\$"
INLINE = r"(?<!\$)\$(?=\S)([^$]+?)(?<=\S)\$(?![\d$])"
EQUATION = re.compile(f"{DISPLAYED}|{INLINE}", re.DOTALL)
PLACE = "\ue000{}\ue001"  # of private use, so that no text has it
ADDRESS = re.compile(r"https://doi\.org/[^\s<>]+[^\s<>.,;)]")
# "zero" has neither raw HTML nor images; what is not enabled is printed as it stands
READER = MarkdownIt("zero", {"html": False, "linkify": False}).enable(
    ["backticks", "emphasis", "balance_pairs", "fragments_join", "list", "fence", "escape"]
)


def prose(text: str) -> Markup:
    """Return Markdown as HTML, with equations between ``$`` as MathML.

    Examples
    --------
    >>> print(prose("It is *not* <b>raw</b>."))
    <p>It is <em>not</em> &lt;b&gt;raw&lt;/b&gt;.</p>
    <BLANKLINE>
    """
    found: list[Markup] = []

    def put_aside(match: re.Match[str]) -> str:
        displayed, inline = match.groups()
        found.append(equation(displayed or inline, is_displayed=displayed is not None))
        return PLACE.format(len(found) - 1)

    clean = re.sub("[\ue000\ue001]", "", text)
    html = READER.render(EQUATION.sub(put_aside, clean))
    for number, mathematics in enumerate(found):
        html = html.replace(PLACE.format(number), mathematics)
    return Markup(html)


def equation(latex: str, *, is_displayed: bool = False) -> Markup:
    r"""Return an equation as MathML, which browsers draw themselves.

    Examples
    --------
    >>> print(equation(r"\alpha"))  # doctest: +ELLIPSIS
    <math ...><mrow><mi>α</mi></mrow></math>
    """
    lines = latex.strip().replace("{aligned}", "{align*}")  # the name that the library knows
    root = convert_to_element(lines, display="block" if is_displayed else "inline")
    for element in root.iter():
        element.text = unescape(element.text or "")  # signs come as "&#x003B1;"
        if element.text == "~":  # "distributed as", a relation and no letter
            element.tag, element.text = "mo", "\N{TILDE OPERATOR}"
    return Markup(tostring(root, encoding="unicode"))


def reference(text: str) -> Markup:
    """Return a reference with its address as a link."""
    parts, end = [], 0
    for match in ADDRESS.finditer(text):
        link = Markup('<a href="{0}">{0}</a>').format(match[0])
        parts += [Markup("{}").format(text[end : match.start()]), link]
        end = match.end()
    return Markup("").join([*parts, Markup("{}").format(text[end:])])
