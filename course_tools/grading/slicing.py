"""Program slicing: the part of a notebook that an answer needs.

These are the statements that define its names, and the names that those use in turn. Everything else in a student's
notebook, such as a training run of two minutes, an experiment or a cell that fails, is not run when the answer is
graded. Cells are recognized by what they define, not by their position.
"""

import ast
import re
import symtable
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# The errors that Python raises for a cell that it cannot read.
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
# Magics that run the rest of their cell unchanged.
AROUND = re.compile(r"\s*%%(time|timeit|capture|prun)\b.*")


@dataclass(frozen=True)
class Statement:
    """A statement at the top level of a cell."""

    node: ast.stmt
    cell: int  # index of its cell
    binds: frozenset[str]  # names that it defines or changes: `f.x = 1` and `f[0] = 1` change f
    uses: frozenset[str]  # names that it reads from the notebook, also inside its functions

    @property
    def is_import(self) -> bool:
        """Whether it is an import statement."""
        return isinstance(self.node, ast.Import | ast.ImportFrom)


def analyse(node: ast.stmt, cell: int) -> Statement:
    """Return a statement with the names that it binds and uses. Raises one of UNREADABLE if it is nested too deep."""
    table = symtable.symtable(ast.unparse(node), "<cell>", "exec")
    binds = {
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
    }
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute | ast.Subscript) and not isinstance(part.ctx, ast.Load):
            binds.add(_root(part))
    if isinstance(node, ast.Import | ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
        binds.add("*")
    return Statement(node, cell, frozenset(binds - {""}), frozenset(_global_names(table, top=True)))


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _global_names(table: symtable.SymbolTable, top: bool = False) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (top or symbol.is_global()):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _global_names(child)


def parse(source: str) -> list[ast.stmt]:
    """Return the statements of a cell, with magics turned into calls. Raises one of UNREADABLE."""
    while AROUND.match(source):
        source = AROUND.sub("", source, count=1)
    if any(
        line.lstrip().startswith(("%", "!", "?")) or line.rstrip().endswith("?")
        for line in source.splitlines()
    ):
        from IPython.core.inputtransformer2 import TransformerManager

        source = TransformerManager().transform_cell(source)
    return ast.parse(source).body


def statements(cells: Iterable[str]) -> list[Statement]:
    """Return the statements of all cells that are valid Python, in order."""
    result = []
    for index, source in enumerate(cells):
        try:
            result += [analyse(node, index) for node in parse(source)]
        except UNREADABLE:
            continue
    return result


def bound(parts: Iterable[Statement]) -> set[str]:
    """Return all names that these statements define."""
    return {name for part in parts for name in part.binds}


def needed(names: Iterable[str], parts: list[Statement]) -> list[Statement]:
    """Return the statements that define `names` and, in turn, what they use, in the order of the notebook."""
    wanted: set[str] = {*names, "*"}
    chosen: set[int] = set()
    while True:
        more = {i for i, part in enumerate(parts) if i not in chosen and part.binds & wanted}
        if not more:
            return [parts[i] for i in sorted(chosen)]
        chosen |= more
        wanted |= {name for i in more for name in parts[i].uses}


def unparse(parts: Iterable[Statement]) -> str:
    """Return the statements as source."""
    return "\n".join(ast.unparse(part.node) for part in parts)
