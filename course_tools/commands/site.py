"""`site`: build the course as a web site in `build/site/` from stored outputs, to be read without network.

The pages show what students get: exercises without solutions, everything else with its outputs.
"""

import pkgutil
import shutil
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

import course_utils
from course_tools.editions import release_zip
from course_tools.editions.student import convert, student_edition
from course_tools.environment import ROOT
from course_tools.reports import classic_mistakes

FOLDER = ROOT / "build" / "site"
SOURCE = ROOT / "build" / "site-source"
# The modules that students use, in the order of a first project. All others are listed on one page behind them.
FIRST = "device data models training metrics complexity graphs plots checks claims playground".split()
# Heading in the contents → numbers of notebooks.
PARTS = {
    "From derivatives to decisions": range(0, 4),
    "How networks learn": range(4, 7),
    "Networks that see": range(7, 10),
    "Experiments and measurements": range(10, 13),
    "Deeper and wider": range(13, 100),
}
CONTENTS = "<!-- contents -->"
DOWNLOAD = """

<a href="../student/{name}" download>Download this notebook</a>, without solutions and outputs, to work on it.
"""


def site(root: Path = ROOT, folder: Path = FOLDER, source: Path = SOURCE) -> int:
    """Build the site into `folder`; return Sphinx's exit status, which is also 1 after a warning."""
    from sphinx.cmd.build import main

    if source.exists():
        shutil.rmtree(source)
    shutil.copytree(root / "docs", source)
    for name in ("README.md", "CLAIMS.md"):
        shutil.copy(root / name, source)
    (source / "classic_mistakes.md").write_text(classic_mistakes.page(root), encoding="utf-8")
    write_notebooks(root, source)
    write_api(source / "api")
    if folder.exists():
        shutil.rmtree(folder)
    status = main(["--quiet", "--fail-on-warning", "--keep-going", str(source), str(folder)])
    if not status:
        print(f"Open {folder / 'index.html'} in a browser.")
    sys.stdout.flush()
    return status


def write_notebooks(root: Path, source: Path) -> None:
    """Write each notebook as a page, the contents, and the downloads: the student editions, singly and as a zip."""
    pages, downloads = source / "notebooks", source / "extra" / "student"
    for folder in (pages, downloads):
        folder.mkdir(parents=True)
    paths = sorted((root / "notebooks").glob("*.ipynb"))
    for path in paths:
        nbformat.write(as_page(nbformat.read(path, as_version=4), path.name), pages / path.name)
        (downloads / path.name).write_bytes(student_edition(path))
    release_zip.release(root, downloads).rename(downloads / "course.zip")
    index = source / "index.md"
    text = index.read_text(encoding="utf-8").replace(CONTENTS, contents([path.stem for path in paths]))
    index.write_text(text, encoding="utf-8")


def contents(names: list[str]) -> str:
    """Return the table of contents for the index page: the notebooks with these names, by part."""
    parts = []
    for caption, numbers in PARTS.items():
        if lines := [f"notebooks/{name}" for name in names if int(name[:2]) in numbers]:
            parts.append("\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *lines, "```"]))
    return "\n\n".join(parts)


def as_page(notebook: NotebookNode, name: str) -> NotebookNode:
    """Return a notebook without solutions and speaker's notes, with the outputs of all other cells."""
    stored = {cell.id: dict(cell) for cell in notebook.cells}
    page = convert(notebook)
    for cell in page.cells:
        if cell.cell_type == "code" and "nbgrader" not in cell.metadata:
            cell.outputs = stored[cell.id]["outputs"]
            cell.execution_count = stored[cell.id]["execution_count"]
    page.cells[0].source += DOWNLOAD.format(name=name)
    return page


def write_api(folder: Path) -> None:
    """Write the pages about course_utils, which Sphinx fills with docstrings.

    Each module that students use has a page; the modules inside the packages share one.
    """
    folder.mkdir()
    for name in FIRST:
        (folder / f"{name}.md").write_text(_api(name, "#"), encoding="utf-8")
    modules = pkgutil.walk_packages(course_utils.__path__, "course_utils.")
    names = [module.name.removeprefix("course_utils.") for module in modules]
    behind = [name for name in names if name not in FIRST and not name.endswith("__main__")]
    text = "# Behind these\n\n" + "\n".join(_api(name, "##") for name in behind)
    (folder / "behind.md").write_text(text, encoding="utf-8")
    lines = [
        "# course_utils",
        "",
        "The helper package of the notebooks: small modules, one idea each, meant to be read.",
        "",
    ]
    lines += ["```{toctree}", ":maxdepth: 1", "", *FIRST, "behind", "```", ""]
    (folder / "index.md").write_text("\n".join(lines), encoding="utf-8")


def _api(name: str, marks: str) -> str:
    directive = [f".. automodule:: course_utils.{name}", "   :members:"]
    # The public functions of a package are defined in its modules.
    if (ROOT / "course_utils" / name).is_dir():
        directive.append("   :imported-members:")
    # The public objects of a module inside a package are indexed on the page of the package.
    if "." in name:
        directive.append("   :no-index:")
    return "\n".join([f"{marks} {name}", "", "```{eval-rst}", *directive, "```", ""])
