"""How Sphinx builds this documentation. It needs no network."""

from __future__ import annotations

import re
from importlib.metadata import version as installed
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

project = "Cambist"
author = "The Cambist authors"
copyright = "The Cambist authors"  # noqa: A001  # Sphinx's name for it
version = release = installed("cambist")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
# What a private protocol asks for is told in the text.
nitpick_ignore = [("py:class", "cambist_aiohttp._health.Rendered")]
html_theme = "furo"
html_title = f"Cambist {release}"
html_copy_source = False

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

# In docstrings, `single backticks` are a name of ours where there is one, and code otherwise.
default_role = "py:obj"
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100


PUBLIC = (
    "cambist",
    "cambist.errors",
    "cambist.hookspecs",
    "cambist.testing",
    "cambist.verification",
    "cambist_inbox",
    "cambist_queue",
)


def _elsewhere(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Node
) -> nodes.Node | None:
    """Find a public name by the private module that defines it. What others document stays plain text."""
    if node.get("refdomain") != "py":
        return None
    module, _, name = node["reftarget"].rpartition(".")
    if not module.startswith("cambist") or len(name) == 1:
        return content
    where, domain = node["refdoc"], env.domains["py"]
    found = (
        domain.resolve_xref(env, where, app.builder, "obj", f"{public}.{name}", node, content)
        for public in PUBLIC
    )
    return next(filter(None, found), None)


def _signature(
    app: Sphinx, what: str, name: str, obj: object, options: object, text: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Show a default that is made by a function as three dots."""
    return text and re.sub(r"= (NOTHING|<function \w+>)", "= ...", text), returns


def setup(app: Sphinx) -> None:
    """Register the above."""
    app.connect("missing-reference", _elsewhere)
    app.connect("autodoc-process-signature", _signature)
