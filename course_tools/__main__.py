"""Run a command of the course: lab, teach, test, slides, site, reference, bench, release or grade.

Only the standard library is imported until the environment is ready, and nothing newer than Python 3.8 is used.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from course_tools import edition, environment


class Command(NamedTuple):
    """A command: its function is called with its options and with the arguments that it passes on."""

    function: Callable[[argparse.Namespace, list[str]], int]
    help: str
    passes_on: bool = False  # to JupyterLab, pytest or the benchmark


def run_lab(options: argparse.Namespace, arguments: list[str]) -> int:
    from course_tools.commands import lab

    return lab.lab(arguments)


def run_teach(options: argparse.Namespace, arguments: list[str]) -> int:
    from course_tools.commands import lab

    return lab.teach(arguments)


def run_test(options: argparse.Namespace, arguments: list[str]) -> int:
    from course_tools.commands import testing

    return testing.full(arguments) if options.full else testing.test(arguments)


def run_slides(options: argparse.Namespace, arguments: list[str]) -> int:
    from course_tools.commands import slides

    return slides.slides(options.notebooks)


def run_site(options: argparse.Namespace, arguments: list[str]) -> int:
    from course_tools.commands import site

    return site.site()


def run_reference(options: argparse.Namespace, arguments: list[str]) -> int:
    from course_tools.commands import reference

    return reference.reference(options.notebooks)


def run_bench(options: argparse.Namespace, arguments: list[str]) -> int:
    from course_tools.commands import bench

    return bench.bench(arguments)


def run_release(options: argparse.Namespace, arguments: list[str]) -> int:
    from course_tools.editions import release_zip

    path = release_zip.release()
    print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
    return 0


def run_grade(options: argparse.Namespace, arguments: list[str]) -> int:
    from course_tools.grading import grader, sandbox

    return grader.grade(
        Path(options.submissions),
        options.notebooks,
        Path(options.output) if options.output else grader.OUTPUT,
        sandbox.Limits(seconds=options.seconds, megabytes=options.megabytes),
        processes=options.processes,
        unprotected=options.unprotected,
        database=options.database,
    )


COMMANDS = {
    "lab": Command(
        run_lab,
        "Set up if needed, update labs/, open JupyterLab there. Options are passed to JupyterLab.",
        passes_on=True,
    ),
    "teach": Command(
        run_teach,
        "Open JupyterLab on the notebooks themselves, with live slides. Options are passed to JupyterLab.",
        passes_on=True,
    ),
    "test": Command(
        run_test,
        "Run everything that CI runs: ruff, all tests, all notebooks. Options are passed to pytest.",
        passes_on=True,
    ),
    "slides": Command(
        run_slides, "Write the notebooks as slides into build/slides, for a browser without network."
    ),
    "site": Command(run_site, "Build the course as a web site in build/site, to be read without network."),
    "reference": Command(
        run_reference,
        "Run notebooks on full data, store their outputs, write CLAIMS.md and the README's table.",
    ),
    "bench": Command(
        run_bench, "Compare our training loop with others, which are installed first.", passes_on=True
    ),
    "release": Command(run_release, "Write the students' edition into dist/, as a self-contained zip."),
    "grade": Command(
        run_grade, "Grade submissions: a table, nbgrader's gradebook, one page of feedback per student."
    ),
}
FOR_STUDENTS = ("lab",)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line: one subcommand for each command of this edition."""
    result = argparse.ArgumentParser(
        prog="python -m course_tools", description="Open, teach, test, publish and grade the course."
    )
    subparsers = result.add_subparsers(dest="command", metavar="COMMAND")
    for name, command in COMMANDS.items():
        if edition.STUDENTS and name not in FOR_STUDENTS:
            continue
        subparser = subparsers.add_parser(
            name, help=command.help, description=command.help, allow_abbrev=False
        )
        if name == "test":
            subparser.add_argument(
                "--full",
                action="store_true",
                help="instead compare the outputs that depend on data, on full data",
            )
        if name == "grade":
            add_grading_options(subparser)
        if name in ("reference", "slides"):
            subparser.add_argument(
                "notebooks", nargs="*", help="numbers or names, for example 09; default: all"
            )
    return result


def add_grading_options(grade: argparse.ArgumentParser) -> None:
    """Add the arguments and options of `grade` to its parser."""
    grade.add_argument(
        "submissions", help="a folder or a zip of all submissions, one folder or zip per student"
    )
    grade.add_argument(
        "notebooks", nargs="*", help="numbers or names, for example 09; default: all that were handed in"
    )
    grade.add_argument("--output", help="folder for the results; default: build/grading")
    grade.add_argument(
        "--seconds", type=float, default=20.0, help="processor time per exercise; default: %(default)g"
    )
    grade.add_argument(
        "--megabytes", type=int, default=2000, help="memory per exercise; default: %(default)s"
    )
    grade.add_argument(
        "--processes", type=int, help="answers judged at the same time; default: one per processor"
    )
    grade.add_argument(
        "--database", default="", help="address of the gradebook; default: an SQLite file in the output"
    )
    grade.add_argument(
        "--unprotected", action="store_true", help="grade even if submissions cannot be locked in"
    )


def main(arguments: list[str]) -> int:
    """Run one command and return its exit status."""
    options, extra = parser().parse_known_args(arguments)
    if options.command is None:
        parser().print_help()
        return 0
    command = COMMANDS[options.command]
    if extra and not command.passes_on:
        parser().error("unknown: " + " ".join(extra))
    try:
        environment.ensure(arguments)
        # Kernels start in other folders: a relative path must not change its meaning there.
        if os.environ.get("COURSE_DATA"):
            os.environ["COURSE_DATA"] = os.path.abspath(os.environ["COURSE_DATA"])
        return command.function(options, extra)
    except environment.SetupError as error:
        print("\n" + str(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
