"""Judge one answer, in a process that does nothing else: run what the answer needs, then the check cell.

The check cell and everything that it uses come from the course, not from the submission. Modules that judges rely on
are compared with their state before the student's code ran; changes are undone and reported.
"""

import ast
import builtins
import types
from collections.abc import Callable, Sequence

from course_tools.grading import slicing
from course_tools.grading.exercises import Exercise, Job
from course_tools.grading.notebooks import SubmittedCell
from course_tools.grading.pristine import Pristine
from course_tools.grading.screening import screen
from course_tools.grading.verdict import Outcome, Status

LONGEST_HINT = 2000  # characters
HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
HIDDEN_FAILED = "A hidden test of this exercise fails.\nTry: other inputs than those in the notebook."

Namespace = dict[str, object]


def judge(job: Job, pristine: Pristine, report: Callable[[Outcome], None]) -> None:
    """Judge one answer, and report it twice: before and after the student's code has run.

    The first report says what is strange about the code, and counts as stopped if no second one follows. The student's
    code cannot take it back.
    """
    parts = find_answer(job)
    if isinstance(parts, Outcome):
        report(Outcome(Status.STOPPED))
        report(parts)
        return
    report(Outcome(Status.STOPPED, strange=tuple(screen(parts, job.exercise.stub))))
    changes: list[str] = []
    status, hint = Status.PASSED, ""
    try:
        answers = run(parts, changes)
        changes += pristine.restore()
        run_check(job.exercise, answers)
    # sys.exit and KeyboardInterrupt are results too.
    except BaseException as error:
        hint = HIDDEN_FAILED if _in_hidden_test(error, job.exercise.check) else explain(error)
        status, hint = Status.FAILED, hint[:LONGEST_HINT]
    changes += pristine.restore()
    report(Outcome(status, hint, tuple(sorted(set(changes)))))


def find_answer(job: Job) -> list[slicing.Statement] | Outcome:
    """Return the statements that the answer needs; if there is no answer, the outcome that says why."""
    exercise, sources = job.exercise, [cell.source for cell in job.cells]
    for last in dict.fromkeys((_position_of_check(job), len(sources))):
        parts = slicing.statements(sources[:last])
        if set(exercise.answers) <= slicing.bound(parts):
            return slicing.needed(exercise.answers, parts)
    for cell in job.cells:
        if cell.grade_id == exercise.solution_id and (fault := _syntax_fault(cell)):
            return Outcome(Status.FAILED, fault)
    return Outcome(Status.MISSING, f"No cell of the notebook defines {' and '.join(exercise.answers)}.")


def _position_of_check(job: Job) -> int:
    """Return the index of the student's own check cell if the answer is before it, else the number of cells."""
    ids = [cell.grade_id for cell in job.cells]
    if job.exercise.check_id in ids:
        position = ids.index(job.exercise.check_id)
        if job.exercise.solution_id in ids[:position]:
            return position
    return len(ids)


def _syntax_fault(cell: SubmittedCell) -> str:
    """Return why a cell is not valid Python, "" if it is."""
    try:
        slicing.parse(cell.source)
    except slicing.UNREADABLE as error:
        where = f" in line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        why = error.args[0] if error.args else "it is nested too deep"
        return f"The cell is not Python: {why}{where}."
    return ""


def run(parts: Sequence[slicing.Statement], changes: list[str]) -> Namespace:
    """Run these statements as their cells would, and return the names that they define.

    Assignments to attributes of modules, and of classes from other modules, are appended to `changes`, as text.
    """
    guard = _Guard()
    namespace: Namespace = {"__name__": "__main__", "__builtins__": builtins, guard.name: _watch(changes)}
    for cell in dict.fromkeys(part.cell for part in parts):
        body = [guard.visit(part.node) for part in parts if part.cell == cell]
        tree = ast.fix_missing_locations(ast.Module(body, type_ignores=[]))
        exec(compile(tree, f"<cell {cell}>", "exec"), namespace)
    return namespace


def run_check(exercise: Exercise, answers: Namespace) -> None:
    """Run the course's check cell on the student's answers; it raises an error if they are wrong."""
    namespace: Namespace = {"__name__": "__main__"}
    exec(compile(exercise.setup, "<course>", "exec"), namespace)
    namespace |= {name: answers[name] for name in exercise.answers}
    exec(compile(exercise.check, "<check>", "exec"), namespace)


class _Guard(ast.NodeTransformer):
    """Turn `a.b = …` into `__changed__(a).b = …`, so that changes to PyTorch or to a judge are detected."""

    name = "__changed__"

    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load):
            call = ast.Call(ast.Name(self.name, ast.Load()), [node.value], [])
            node.value = ast.copy_location(call, node.value)
        return node


def _watch(changes: list[str]) -> Callable[[object], object]:
    watched = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type)

    def changed(owner: object) -> object:
        if isinstance(owner, watched) and getattr(owner, "__module__", None) != "__main__":
            changes.append(f"changes {getattr(owner, '__name__', owner)}")
        return owner

    return changed


def _in_hidden_test(error: BaseException, check: str) -> bool:
    """Whether an error comes from a line that students never see; then its text may not be shown."""
    trace, lines = error.__traceback__, check.splitlines()
    while trace:
        before = lines[: trace.tb_lineno] if trace.tb_frame.f_code.co_filename == "<check>" else []
        begun, ended = (sum(line.strip() == mark for line in before) for mark in HIDDEN)
        if begun > ended:
            return True
        trace = trace.tb_next
    return False


def explain(error: BaseException) -> str:
    """Return the hint of a failed check, or where and why the student's code stopped."""
    from course_utils.checks import Hint

    if isinstance(error, Hint):
        hint: str = error.text
        return hint
    kind = type(error).__name__
    try:
        text = str(error)
    except BaseException:
        text = ""
    if isinstance(error, AssertionError):
        return (
            text
            or "A test of this exercise fails.\nTry: run the line of the check cell that fails, by itself."
        )
    if isinstance(error, KeyError) and not text:
        text = "a name is missing"
    if not isinstance(error, Exception):
        return f"Your code ends the program ({kind}).\nTry: let the function return instead."
    return f"Your code stopped{_line(error)} with {kind}: {text}\nTry: restart the kernel and run all cells."


def _line(error: BaseException) -> str:
    """Return the last line of the student's cell in an error's traceback, as text."""
    trace, line = error.__traceback__, ""
    while trace:
        if trace.tb_frame.f_code.co_filename.startswith("<cell"):
            line = f" at line {trace.tb_lineno} of your cell"
        trace = trace.tb_next
    return line
