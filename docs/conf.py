"""How the documentation is built: offline, from the package and the texts beside this file."""

import sys
from pathlib import Path

import empathymodels as em

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "empathymodels"
author = "the empathymodels developers"
copyright = "the empathymodels developers, BSD 3-Clause"
version = release = em.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "numpydoc",
    "mathml",
    "generated_pages",
]
exclude_patterns = ["extensions", "**/_*.md"]
nitpicky = False

# texts
smartquotes = False  # options of commands begin with two hyphens
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # notebooks show the outputs that were committed with them

# API
default_role = "py:obj"  # names in docstrings lead to their pages
autodoc_typehints = "none"  # types stand in the docstrings
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False
maximum_signature_line_length = 88

# page
html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "empathymodels"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_context = {"default_mode": "auto"}
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button-field"],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
    "show_nav_level": 1,
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "friendly",
    "pygments_dark_style": "github-dark",
}
