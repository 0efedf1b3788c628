# SPDX-License-Identifier: GPL-2.0-only
# The pages as `make docs` builds them.
import pathlib
import re

top = pathlib.Path(__file__).resolve().parent.parent
main = (top / "drivers/vdpa/hvdpa/main.c").read_text(encoding="utf-8")

project = "hvdpa"
copyright = "the hvdpa authors"  # Sphinx's own name for it
version = release = re.search(r'MODULE_VERSION\("(.*)"\)', main)[1]
# man/ is for rst2man.
exclude_patterns = ["man"]
# Options and file names are written as they are typed.
smartquotes = False
html_theme = "alabaster"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {"description": "vDPA for PCI functions with a virtio data path"}
man_pages = [
    ("admin-guide", "hvdpa-admin-guide", "for administrators", "The hvdpa authors", 7),
    ("troubleshooting", "hvdpa-troubleshooting", "symptoms and cures",
     "The hvdpa authors", 7),
    ("uapi", "hvdpa-uapi", "the interface of the dirty log", "The hvdpa authors", 7),
]
