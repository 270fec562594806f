"""Judging one answer, in a process that holds nothing else: what the answer needs is run, then the check cell.

The check cell and all that it uses come from the course, not from the submission. Modules that judges rely on are
compared with what they were before the student's code ran; what was changed is put back, and reported.
"""

import ast
import builtins
import sys
import types
from collections.abc import Callable

from course_tools.grading import slicing
from course_tools.grading.screening import screen

LONGEST_HINT = 2000  # characters
RELIED_ON = ("builtins", "math", "random", "torch", "course_utils")
VALUES = (int, float, complex, str, bytes, tuple, list, dict, set, frozenset, type)  # and PyTorch's tensors
OPERATORS = set(
    "__eq__ __ne__ __lt__ __le__ __gt__ __ge__ __bool__ __abs__ __float__ __int__ __sub__ __rsub__ __contains__ "
    "__torch_function__ __instancecheck__ __subclasscheck__".split()
)
HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
HIDDEN_FAILED = "A hidden test of this exercise fails.\nTry: other inputs than those in the notebook."


class Pristine:
    """What modules and their classes hold, remembered before anybody can have changed it."""

    def __init__(self):
        modules = [m for name, m in sys.modules.items() if m is not None and _relied_on(name)]
        owners = {id(owner): owner for module in modules for owner in (module, *_classes(module))}
        self._parts = [
            (owner, name, value)
            for owner in owners.values()
            for name, value in vars(owner).items()
            if callable(value) or isinstance(value, staticmethod | classmethod | property | types.ModuleType)
        ]
        self._kinds = _kinds_of_values()

    def restore(self) -> list[str]:
        """Put back what has been changed since, and return that in words; values that compare oddly, too."""
        changed = []
        for owner, name, value in self._parts:
            if vars(owner).get(name) is not value:
                changed.append(f"changes {owner.__name__}.{name}")
                setattr(owner, name, value)
        kinds = _kinds_of_values()
        if any(_compares_oddly(kinds[new]) for new in kinds.keys() - self._kinds.keys()):
            changed.append("makes a special kind of number or class")
        return changed


def _kinds_of_values() -> dict[int, type]:
    """All classes derived from numbers, texts, containers, tensors and classes, by their identity."""
    import torch

    found, todo = {}, [*VALUES, torch.Tensor]
    while todo:
        new = {id(kind): kind for kind in type.__subclasses__(todo.pop()) if id(kind) not in found}
        found |= new
        todo += new.values()
    return found


def _compares_oddly(kind: type) -> bool:
    """Whether a class of the notebook, however it was made, has operators of its own."""
    module, held = (type.__getattribute__(kind, word) for word in ("__module__", "__dict__"))
    return module == "__main__" and bool(OPERATORS & held.keys())


def _relied_on(name: str) -> bool:
    top, _, rest = name.partition(".")
    return (
        name in RELIED_ON
        or top == "course_utils"
        or top == "torch"
        and rest.startswith(
            ("nn", "autograd", "testing", "functional", "linalg", "optim", "_tensor", "overrides")
        )
    )


def _classes(module) -> list[type]:
    return [
        item for item in vars(module).values() if isinstance(item, type) and item.__module__ != "builtins"
    ]


def judge(job: dict, pristine: Pristine, say: Callable[[dict], None]) -> None:
    """Judge one answer, and `say` first what is strange about it, then the verdict.

    job: `cells`, the student's code cells as [grade id, source], and `exercise`, the fields of an Exercise.
    What is said first cannot be taken back by the student's code, which has not run yet.
    """
    exercise, cells = job["exercise"], job["cells"]
    parts, fault = find_answer(cells, exercise)
    if fault:
        say({"strange": []})
        say({"passed": False, **fault})
        return
    say({"strange": screen(parts, exercise["stub"])})
    touched = []
    try:
        space = run(parts, [source for _, source in cells], touched)
        touched += pristine.restore()
        court = {"__name__": "__main__"}
        exec(compile(exercise["setup"], "<course>", "exec"), court)
        court |= {name: space[name] for name in exercise["answers"]}
        exec(compile(exercise["check"], "<check>", "exec"), court)
        verdict = {"passed": True, "hint": ""}
    except BaseException as error:  # sys.exit, KeyboardInterrupt and their like are verdicts, too
        hint = HIDDEN_FAILED if _in_hidden_test(error, exercise["check"]) else explain(error)
        verdict = {"passed": False, "hint": hint[:LONGEST_HINT]}
    touched += pristine.restore()
    say(verdict | {"strange": sorted(set(touched))})


def _in_hidden_test(error: BaseException, check: str) -> bool:
    """Whether it was one of the lines that students never see that found the fault: nothing of it may be told."""
    trace, lines = error.__traceback__, check.splitlines()
    while trace:
        before = lines[: trace.tb_lineno] if trace.tb_frame.f_code.co_filename == "<check>" else []
        begun, ended = (sum(line.strip() == mark for line in before) for mark in HIDDEN)
        if begun > ended:
            return True
        trace = trace.tb_next
    return False


def find_answer(cells: list, exercise: dict) -> tuple[list[slicing.Statement], dict | None]:
    """Return the statements that the answer needs; or none, and why not."""
    ids = [name for name, _ in cells]
    sources = [source for _, source in cells]
    own = [source for name, source in cells if name == exercise["solution_id"]]
    for last in dict.fromkeys((_place_of_check(ids, exercise), len(cells))):
        parts = slicing.statements(sources[:last])
        if set(exercise["answers"]) <= slicing.bound(parts):
            return slicing.needed(exercise["answers"], parts), None
    for source in own:
        try:
            slicing.parse(source)
        except slicing.UNREADABLE as error:
            where = f" in line {error.lineno}" if getattr(error, "lineno", None) else ""
            why = error.args[0] if error.args else "it is nested too deep"
            return [], {"hint": f"The cell is not Python: {why}{where}."}
    names = " and ".join(exercise["answers"])
    return [], {"missing": True, "hint": f"No cell of the notebook defines {names}."}


def _place_of_check(ids: list[str], exercise: dict) -> int:
    """Where the student's own check cell stands, if the answer stands before it; else the end."""
    if exercise["check_id"] in ids:
        place = ids.index(exercise["check_id"])
        if exercise["solution_id"] in ids[:place]:
            return place
    return len(ids)


def run(parts: list[slicing.Statement], sources: list[str], touched: list[str]) -> dict:
    """Run these statements as their cells would, and return the names that they define."""
    space = {"__name__": "__main__", "__builtins__": builtins}
    guard = _Guard()
    space[guard.name] = _watch(touched)
    for cell in dict.fromkeys(part.cell for part in parts):
        body = [guard.visit(part.node) for part in parts if part.cell == cell]
        tree = ast.fix_missing_locations(ast.Module(body, type_ignores=[]))
        exec(compile(tree, f"<cell {cell}>", "exec"), space)
    return space


class _Guard(ast.NodeTransformer):
    """`a.b = …` becomes `__changed__(a).b = …`, so that nobody changes PyTorch or a judge unseen."""

    name = "__changed__"

    def visit_Attribute(self, node):
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load):
            call = ast.Call(ast.Name(self.name, ast.Load()), [node.value], [])
            node.value = ast.copy_location(call, node.value)
        return node


def _watch(touched: list[str]) -> Callable:
    plain = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type)

    def changed(owner):
        if isinstance(owner, plain) and getattr(owner, "__module__", None) != "__main__":
            touched.append(f"changes {getattr(owner, '__name__', owner)}")
        return owner

    return changed


def explain(error: BaseException) -> str:
    """Return what a student should read: the hint, or where the code stopped."""
    from course_utils.checks import Hint

    if isinstance(error, Hint):
        return error.text
    kind = type(error).__name__
    try:
        text = str(error)
    except BaseException:
        text = ""
    if isinstance(error, AssertionError):
        return (
            text or "A test of this exercise fails.\nTry: the line of the check cell that fails, by itself."
        )
    if isinstance(error, KeyError) and not text:
        text = "a name is missing"
    if not isinstance(error, Exception):
        return f"Your code ends the program ({kind}).\nTry: let the function return instead."
    return f"Your code stopped{_line(error)} with {kind}: {text}\nTry: restart the kernel and run all cells."


def _line(error: BaseException) -> str:
    trace, line = error.__traceback__, ""
    while trace:
        if trace.tb_frame.f_code.co_filename.startswith("<cell"):
            line = f" at line {trace.tb_lineno} of your cell"
        trace = trace.tb_next
    return line
