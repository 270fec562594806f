"""The part of a notebook that an answer needs: the statements that define its names, and what these use in turn.

Everything else in a student's notebook, a training run of two minutes, an experiment, a cell that fails, is not run
when the answer is graded. Cells are told by what they define, not by where they stand.
"""

import ast
import re
import symtable
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

# What Python says to a cell that it cannot read.
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
AROUND = re.compile(r"\s*%%(time|timeit|capture|prun)\b.*")  # magics that run the rest of their cell as it is


@dataclass
class Statement:
    """A statement at the top level of a cell."""

    node: ast.stmt
    cell: int  # index of its cell

    @property
    def is_import(self) -> bool:
        return isinstance(self.node, ast.Import | ast.ImportFrom)

    @cached_property
    def binds(self) -> set[str]:
        """Names that it defines or changes: `f.x = 1` and `f[0] = 1` change f."""
        names = {s.get_name() for s in self._table.get_symbols() if s.is_assigned() or s.is_imported()}
        names |= {s.get_name() for s in self._table.get_symbols() if s.is_namespace()}
        for node in ast.walk(self.node):
            if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
                names.add(_root(node))
        if self.is_import and any(alias.name == "*" for alias in self.node.names):
            names.add("*")
        return names - {""}

    @cached_property
    def uses(self) -> set[str]:
        """Names that it reads from the notebook, inside its functions too."""
        return set(_global_names(self._table, top=True))

    @cached_property
    def _table(self):
        return symtable.symtable(ast.unparse(self.node), "<cell>", "exec")


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _global_names(table, top=False) -> Iterable[str]:
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (top or symbol.is_global()):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _global_names(child)


def parse(source: str) -> list[ast.stmt]:
    """Return the statements of a cell, magics turned into calls. Raises one of UNREADABLE."""
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
    """Return the statements of all cells that are Python, in order."""
    result = []
    for index, source in enumerate(cells):
        try:
            parts = [Statement(node, index) for node in parse(source)]
            for part in parts:
                part.binds, part.uses  # noqa: B018 - they are kept, and fail here if they fail
        except UNREADABLE:
            continue
        result += parts
    return result


def bound(parts: list[Statement]) -> set[str]:
    """All names that these statements define."""
    return set().union(*(part.binds for part in parts))


def needed(names: Iterable[str], parts: list[Statement]) -> list[Statement]:
    """Return those statements that define `names` and, in turn, what they use; in the order of the notebook."""
    wanted, chosen = {*names, "*"}, set()
    while True:
        more = {i for i, part in enumerate(parts) if i not in chosen and part.binds & wanted}
        if not more:
            return [parts[i] for i in sorted(chosen)]
        chosen |= more
        wanted |= set().union(*(parts[i].uses for i in more))


def unparse(parts: list[Statement]) -> str:
    """Return the statements as source."""
    return "\n".join(ast.unparse(part.node) for part in parts)
