"""How long does it take to grade a class?

    python -m benchmarks.grading --submissions 200 --notebook 07

All students hand in the solved notebook, with different comments in every answer, so that no two are equal.
"""

import argparse
import copy
import tempfile
import time
from pathlib import Path

import nbformat

from course_tools.environment import ROOT
from course_tools.grading import grader


def main() -> None:
    """Grade the class twice, and print the seconds that each run took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=200, metavar="N", help="%(default)s")
    parser.add_argument("--notebook", default="07", metavar="NN", help="number of the notebook (%(default)s)")
    args = parser.parse_args()
    (path,) = (ROOT / "notebooks").glob(f"{args.notebook}_*.ipynb")
    with tempfile.TemporaryDirectory() as folder:
        hand_in(path, Path(folder, "in"), args.submissions)
        for when in ("at first", "with nothing new"):
            start = time.perf_counter()
            grader.grade(Path(folder, "in"), [args.notebook], Path(folder, "out"))
            seconds = time.perf_counter() - start
            each = seconds / args.submissions
            print(f"{args.submissions} submissions, {when}: {seconds:.0f} s, {each:.2f} s each", flush=True)


def hand_in(path: Path, folder: Path, count: int) -> None:
    """Write the notebook at `path` as the submissions of `count` students."""
    solved = nbformat.read(path, as_version=4)
    for student in range(count):
        notebook = copy.deepcopy(solved)
        for cell in notebook.cells:
            if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution"):
                cell.source += f"\n# student {student}"
        target = folder / f"student{student:04}" / path.name
        target.parent.mkdir(parents=True)
        nbformat.write(notebook, target)


if __name__ == "__main__":
    main()
