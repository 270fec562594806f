"""Detect code that no answer needs: the methods by which it could reach the judge instead of solving the exercise.

The judge runs in the same process as the answer, as it does in the lab, so Python itself cannot separate the two. An
answer that uses one of these methods is run and judged like any other, and then reported for review: an instructor
gives its points, not the grader.
"""

import ast
import re
from collections.abc import Collection, Iterable, Iterator

from course_tools.grading.slicing import Statement

MODULES = set(
    "torch torchvision numpy pandas sklearn scipy matplotlib IPython tqdm course_utils __future__ abc bisect cmath "
    "collections contextlib copy dataclasses decimal enum fractions functools heapq itertools math numbers random re "
    "statistics string textwrap time typing warnings".split()
)
NOT_THESE = re.compile(
    r"course_utils\.checks\..*|torch\.(_.*|hub|multiprocessing|library|package|distributed.*|fx.*|jit.*"
    r"|utils\.(_.*|cpp_ext.*|benchmark.*))"
    r"|numpy\.(ctypeslib|f2py)|IPython\.(?!display).*"
)
NAMES = set(
    "eval exec compile globals locals vars setattr delattr open input breakpoint exit quit get_ipython "
    "attrgetter methodcaller help memoryview".split()
)
ATTRIBUTES = set(
    "os sys builtins inspect ctypes ctypeslib importlib gc subprocess socket multiprocessing threading pickle "
    "shutil tempfile pathlib library hub ops _C _getframe gi_frame cr_frame ag_frame tb_frame f_back f_locals "
    "f_globals f_builtins get_type_hints set_trace checks ABCMeta EnumMeta EnumType make_dataclass new_class "
    "Formatter get_field Timer CompilationUnit fx jit read_pickle to_pickle".split()
)
HARMLESS = set(
    "__init__ __name__ __doc__ __class__ __call__ __len__ __getitem__ __setitem__ __contains__ __iter__ __next__ "
    "__repr__ __str__ __enter__ __exit__ __post_init__ __add__ __radd__ __iadd__ __sub__ __rsub__ __neg__ __mul__ "
    "__rmul__ __truediv__ __rtruediv__ __pow__ __matmul__ __main__ __version__ __file__ __future__".split()
)
VALUES = set("int float complex bool str bytes tuple list dict set frozenset type Tensor Parameter".split())
DUNDER = re.compile(r"__\w+__")
LONGEST_NAME = 60  # characters: only shorter texts are searched for special names


def screen(parts: Iterable[Statement], stub: str = "") -> list[str]:
    """Return what is strange in these statements, as text; an empty list for an ordinary answer.

    stub: source of the cell as students got it; special names in it, such as `__radd__`, are allowed.
    """
    allowed = HARMLESS | set(DUNDER.findall(stub))
    found: dict[str, int] = {}
    for part in parts:
        plain = set(_plain_uses(part.node))
        for node in ast.walk(part.node):
            if node in plain:
                continue
            for fault in _faults(node, allowed):
                found.setdefault(fault, getattr(node, "lineno", 0))
    return [f"{fault} (line {line})" for fault, line in found.items()]


def _plain_uses(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield where `type` and `getattr` are used as in any program: called, or as the name of a type."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="type" | "getattr")):
                yield node.func
            case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, kinds]):
                yield from _mentions_of_type(kinds)
            case ast.arg(annotation=kind) | ast.AnnAssign(annotation=kind) if kind:
                yield from _mentions_of_type(kind)
            case ast.FunctionDef(returns=kind) if kind:
                yield from _mentions_of_type(kind)


def _mentions_of_type(tree: ast.AST) -> Iterator[ast.Name]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "type")


def _faults(node: ast.AST, allowed: Collection[str]) -> Iterator[str]:
    """Yield what is strange about one node of the syntax tree, as text."""
    match node:
        case ast.Import():
            yield from (f"imports {item.name}" for item in node.names if not _is_harmless_module(item.name))
        case ast.ImportFrom():
            yield from _faults_of_import(node, allowed)
        case ast.Name() | ast.Attribute():
            yield from _faults_of_name(node, allowed)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if _is_special(name, allowed):
            yield f"defines {name}"
        case ast.ClassDef():
            yield from _faults_of_class(node)
        case ast.Constant(value=str(text)) if len(text) < LONGEST_NAME:
            if any(_is_special(name, allowed) for name in DUNDER.findall(text)):
                yield f"names {text!r}"
        case ast.Call():
            yield from _faults_of_call(node)


def _faults_of_import(node: ast.ImportFrom, allowed: Collection[str]) -> Iterator[str]:
    for item in node.names:
        full_name = f"{node.module}.{item.name}"
        if not _is_harmless_module(full_name):
            yield f"imports {full_name}"
    for item in node.names:
        if item.name in NAMES or _is_special(item.name, allowed):
            yield f"imports {item.name}"


def _faults_of_name(node: ast.Name | ast.Attribute, allowed: Collection[str]) -> Iterator[str]:
    if isinstance(node, ast.Attribute):
        name = node.attr
        listed = name in ATTRIBUTES or name.lstrip("_") in ATTRIBUTES
        if listed or name.startswith("register_module_") or _is_special(name, allowed):
            yield f"uses .{name}"
    elif node.id in ("type", "getattr"):
        yield f"uses {node.id} under another name"
    elif node.id in NAMES or _is_special(node.id, allowed):
        yield f"uses {node.id}"


def _faults_of_class(node: ast.ClassDef) -> Iterator[str]:
    bases = {base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases}
    if node.keywords or bases & VALUES:
        yield f"makes a special kind of number or class, {node.name}"


def _faults_of_call(node: ast.Call) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Name(id="type"), args=[_, _, *_]):
            yield "makes a class by type(…)"
        case ast.Call(func=ast.Call(func=ast.Name(id="type")), args=[_, _, _]):
            yield "makes a class by type(…)(…)"
        case ast.Call(func=ast.Attribute(attr="eval" | "query" as name), args=[_, *_]):
            yield f"uses .{name} of a text"
        case ast.Call(func=ast.Attribute(attr="load")) if _loads_a_pickle(node):
            yield "loads a pickle"
        case ast.Call(func=ast.Name(id="getattr"), args=[_, name, *_]) if not _is_written_out(name):
            yield "uses getattr with a name that is not written out"


def _loads_a_pickle(load: ast.Call) -> bool:
    """Whether a call of `torch.load` or `np.load` may run code from the file."""
    allows = any(word.arg == "allow_pickle" for word in load.keywords)
    unsafe = any(word.arg == "weights_only" and not _is_true(word.value) for word in load.keywords)
    return len(load.args) > 2 or allows or unsafe


def _is_true(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _is_written_out(name: ast.AST) -> bool:
    """Whether the name that `getattr` looks up is a constant, and harmless."""
    return isinstance(name, ast.Constant) and str(name.value).lstrip("_") not in ATTRIBUTES


def _is_harmless_module(name: str) -> bool:
    if name == "course_utils.checks.check":
        return True
    top, last = name.partition(".")[0], name.rpartition(".")[2]
    return top in MODULES and not NOT_THESE.fullmatch(name) and last.lstrip("_") not in ATTRIBUTES


def _is_special(name: str, allowed: Collection[str]) -> bool:
    return bool(DUNDER.fullmatch(name)) and name not in allowed
