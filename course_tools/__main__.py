"""The commands: `python -m course_tools lab`, `test`, `teach`, `reference`, `bench`."""

import argparse
import os
import sys
from pathlib import Path

from course_tools import environment

# A release has the command `lab` alone.
STUDENTS_EDITION = not Path(__file__).with_name("grading").exists()


def lab(options, extra):
    """Set up if needed, update labs/, open JupyterLab there. Options for JupyterLab are passed on."""
    from course_tools.commands import lab

    return lab.lab(extra)


def teach(options, extra):
    """Open JupyterLab on the notebooks themselves, with live slides. Options for JupyterLab are passed on."""
    from course_tools.commands import lab

    return lab.teach(extra)


def test(options, extra):
    """Run everything that CI runs: ruff, all tests, all notebooks. Options for pytest are passed on."""
    from course_tools.commands import testing

    return testing.full(extra) if options.full else testing.test(extra)


def reference(options, extra):
    """Run notebooks on full data, store their outputs, write CLAIMS.md and the README's table."""
    from course_tools.commands import reference

    return reference.reference(options.notebooks)


def slides(options, extra):
    """Write the notebooks as slides into build/slides, for a browser without network."""
    from course_tools.commands import slides

    return slides.slides(options.notebooks)


def site(options, extra):
    """Build the course as a web site in build/site, to be read or served without network."""
    from course_tools.commands import site

    return site.site()


def bench(options, extra):
    """Measure our training loop beside others (installs them first)."""
    from course_tools.commands import bench

    return bench.bench(extra)


def release(options, extra):
    """Write the students' edition into dist/, as a zip that works by itself."""
    from course_tools.editions import release_zip

    path = release_zip.release()
    print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
    return 0


def grade(options, extra):
    """Grade what students have handed in: a table, nbgrader's gradebook, a page of feedback for each."""
    from course_tools.grading import grader, sandbox

    limits = sandbox.Limits(seconds=options.seconds, megabytes=options.megabytes)
    given = {"output": Path(options.output)} if options.output else {}
    return grader.grade(
        Path(options.submissions),
        options.notebooks,
        limits=limits,
        processes=options.processes,
        unprotected=options.unprotected,
        database=options.database,
        **given,
    )


def add_grading_options(command):
    """What `grade` can be told."""
    command.add_argument(
        "submissions", help="a folder or a zip of all submissions: a folder or zip a student"
    )
    command.add_argument("notebooks", nargs="*", help="numbers or names, such as 09; default: all that came")
    command.add_argument("--output", help="where the results go; default: build/grading")
    command.add_argument("--seconds", type=float, default=20.0, help="of computing, for an exercise (20)")
    command.add_argument("--megabytes", type=int, default=2000, help="memory for an exercise (2000)")
    command.add_argument("--processes", type=int, help="answers judged at once; default: one a processor")
    command.add_argument(
        "--database", default="", help="the gradebook's address; default: SQLite in the output"
    )
    command.add_argument(
        "--unprotected", action="store_true", help="grade where submissions cannot be locked in"
    )


PASSES_ON = (lab, teach, test, bench)


def parser():
    """The command line: one subcommand for each function above, described by its docstring."""
    result = argparse.ArgumentParser(prog="python -m course_tools", description=__doc__)
    commands = result.add_subparsers(dest="command", metavar="COMMAND")
    for function in (lab, test, teach, slides, site, reference, bench, release, grade):
        if function is not lab and STUDENTS_EDITION:
            continue
        command = commands.add_parser(
            function.__name__, help=function.__doc__, description=function.__doc__, allow_abbrev=False
        )
        command.set_defaults(function=function)
        if function is test:
            command.add_argument(
                "--full",
                action="store_true",
                help="instead compare the outputs that depend on data, on full data",
            )
        if function is grade:
            add_grading_options(command)
        if function in (reference, slides):
            command.add_argument("notebooks", nargs="*", help="numbers or names, such as 09; default: all")
    return result


def main(arguments):
    """Run one command; return its exit status."""
    options, extra = parser().parse_known_args(arguments)
    if options.command is None:
        parser().print_help()
        return 0
    if extra and options.function not in PASSES_ON:
        parser().error("unknown: " + " ".join(extra))
    try:
        environment.ensure(arguments)
        # Kernels start in other folders: a relative path must not change its meaning there.
        if os.environ.get("COURSE_DATA"):
            os.environ["COURSE_DATA"] = os.path.abspath(os.environ["COURSE_DATA"])
        return options.function(options, extra)
    except environment.SetupError as error:
        print("\n" + str(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
