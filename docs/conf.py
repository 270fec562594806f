"""Sphinx's settings for the site; `make site` copies this folder next to the notebooks and builds there."""

project = "PyTorch, from autograd to ResNets"
author = "the course's authors"
html_title = project
html_show_copyright = html_show_sphinx = html_copy_source = html_show_sourcelink = False
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
]
exclude_patterns = ["README.md", "extra/**"]  # other pages include the one, and link to the others
html_extra_path = ["extra"]
suppress_warnings = ["ref.python"]  # an error that two modules offer is the same one

nb_execution_mode = "off"  # the stored outputs are those of the full data
nb_merge_streams = True
nb_ipywidgets_js = {}  # would be loaded from the network
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True

html_theme = "sphinx_book_theme"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_theme_options = {
    "use_download_button": False,  # would hand out the page's source; students get their edition
    "use_fullscreen_button": False,
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "home_page_in_toc": True,
    "navbar_start": [],  # the sidebar holds the search
    "navbar_center": [],
    "navbar_end": [],
    "navbar_persistent": [],
}
html_context = {"default_mode": "light"}
pygments_style = "a11y-high-contrast-light"
