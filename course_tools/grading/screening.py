"""What no answer needs: the ways by which code could reach the judge instead of solving the exercise.

The judge runs in the same process as the answer, as it does in the lab, so Python itself cannot keep the two apart.
An answer that uses one of the ways below is run and judged like any other, and then reported for a person to look at:
it gets its points from them and not from the machine.
"""

import ast
import re
from collections.abc import Iterable

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


def screen(parts: Iterable[Statement], stub: str = "") -> list[str]:
    """Return what in these statements no answer needs, in words; an empty list for any ordinary answer.

    stub: the cell as students got it; names such as `__radd__` that stand in it are fine.
    """
    allowed = HARMLESS | set(DUNDER.findall(stub))
    found = {}
    for part in parts:
        plain = set(_plain_uses(part.node))
        for node in ast.walk(part.node):
            if node in plain:
                continue
            for fault in _faults(node, allowed):
                found.setdefault(fault, getattr(node, "lineno", 0))
    return [f"{fault} (line {line})" for fault, line in found.items()]


def _plain_uses(tree: ast.AST):
    """Yield where `type` and `getattr` stand as they do in any program: called, or naming a type."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="type" | "getattr")):
                yield node.func
            case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, kinds]):
                yield from (n for n in ast.walk(kinds) if isinstance(n, ast.Name) and n.id == "type")
            case (
                ast.arg(annotation=kind) | ast.AnnAssign(annotation=kind) | ast.FunctionDef(returns=kind)
            ) if kind:
                yield from (n for n in ast.walk(kind) if isinstance(n, ast.Name) and n.id == "type")


def _faults(node: ast.AST, allowed: set[str]):
    match node:
        case ast.Import(names=names):
            yield from (f"imports {a.name}" for a in names if not _fine(a.name))
        case ast.ImportFrom(module=module, names=names):
            yield from (f"imports {module}.{a.name}" for a in names if not _fine(f"{module}.{a.name}"))
            yield from (f"imports {a.name}" for a in names if a.name in NAMES or _strange(a.name, allowed))
        case ast.Name(id="type" | "getattr" as name):
            yield f"uses {name} under another name"
        case ast.Name(id=name) if name in NAMES or _strange(name, allowed):
            yield f"uses {name}"
        case ast.Attribute(attr=name) if (
            {name, name.lstrip("_")} & ATTRIBUTES
            or name.startswith("register_module_")
            or _strange(name, allowed)
        ):
            yield f"uses .{name}"
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if _strange(name, allowed):
            yield f"defines {name}"
        case ast.Constant(value=str(text)) if len(text) < 60 and any(
            _strange(name, allowed) for name in DUNDER.findall(text)
        ):
            yield f"names {text!r}"
        case ast.ClassDef(name=name, bases=bases, keywords=keywords):
            kinds = {
                base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in bases
            }
            if keywords or kinds & VALUES:
                yield f"makes a special kind of number or class, {name}"
        case ast.Call(func=ast.Name(id="type"), args=[_, _, *_]):
            yield "makes a class by type(…)"
        case ast.Call(func=ast.Call(func=ast.Name(id="type")), args=[_, _, _]):
            yield "makes a class by type(…)(…)"
        case ast.Call(func=ast.Attribute(attr="eval" | "query" as name), args=[_, *_]):
            yield f"uses .{name} of a text"
        case ast.Call(func=ast.Attribute(attr="load"), args=args, keywords=keywords) if len(args) > 2 or any(
            word.arg == "allow_pickle" or word.arg == "weights_only" and not _is_true(word.value)
            for word in keywords
        ):
            yield "loads a pickle"
        case ast.Call(func=ast.Name(id="getattr"), args=[_, name, *_]) if not (
            isinstance(name, ast.Constant) and str(name.value).lstrip("_") not in ATTRIBUTES
        ):
            yield "uses getattr with a name that is not written out"


def _fine(name: str) -> bool:
    if name == "course_utils.checks.check":
        return True
    top, last = name.partition(".")[0], name.rpartition(".")[2]
    return top in MODULES and not NOT_THESE.fullmatch(name) and last.lstrip("_") not in ATTRIBUTES


def _is_true(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _strange(name: str, allowed: set[str]) -> bool:
    return bool(DUNDER.fullmatch(name)) and name not in allowed
