"""Only the part of a student's notebook that the answer needs is run, and strange code in it is found."""

import ast

import pytest

from course_tools.grading import slicing
from course_tools.grading.screening import screen


def needed(names, *cells):
    return [ast.unparse(part.node) for part in slicing.needed(names, slicing.statements(cells))]


def test_an_answer_brings_its_imports_helpers_and_constants():
    cells = [
        "import torch\nimport os",
        "SIZE = 3",
        "def half(x):\n    return x / SIZE",
        "def answer(x):\n    return half(torch.relu(x))",
    ]
    assert needed({"answer"}, *cells) == [
        "import torch",
        "SIZE = 3",
        "def half(x):\n    return x / SIZE",
        "def answer(x):\n    return half(torch.relu(x))",
    ]


def test_a_training_run_of_two_minutes_is_not_needed():
    cells = [
        "net = train()",
        "def answer(net, out):\n    history = net(out)\n    return history",
        "history = answer(net, 1)",
    ]
    assert needed({"answer"}, *cells) == [ast.unparse(ast.parse(cells[1]))]


@pytest.mark.parametrize(
    "change",
    [
        "answer = wrap(answer)",
        "answer.steps = 3",
        "answer[0] = 1",
        "answer += 1",
        "del answer",
        "answer, x = f()",
    ],
)
def test_a_statement_that_changes_a_name_is_needed(change):
    assert needed({"answer"}, "answer = {}", change, "print(answer)")[1:] == [change]


@pytest.mark.parametrize(
    "source",
    [
        "for answer in range(3):\n    pass",
        "with f() as answer:\n    pass",
        "try:\n    pass\nexcept ValueError as answer:\n    pass",
        "if True:\n    answer = 1",
        "print((answer := 1))",
        "from m import answer",
        "from m import x as answer",
        "import answer.sub",
        "async def answer():\n    pass",
        "class answer:\n    pass",
    ],
)
def test_all_statements_that_bind_a_name_are_found(source):
    assert needed({"answer"}, "other = 1", source) == [source]


@pytest.mark.parametrize(
    "use",
    [
        "def answer():\n    return helper",
        "answer = lambda: helper",
        "answer = [helper for _ in range(3)]",
        "class answer:\n    size = helper",
        "class answer(helper):\n    pass",
        "class answer:\n\n    def f(self):\n        return helper()",
        "def answer(x=helper):\n    pass",
        "@helper\ndef answer():\n    pass",
        "def answer(x: helper):\n    pass",
    ],
)
def test_all_statements_that_use_a_name_are_found(use):
    assert needed({"answer"}, "helper = 1", "unused = 2", use) == ["helper = 1", use]


def test_local_names_of_a_function_are_not_those_of_the_notebook():
    assert needed({"answer"}, "x = slow()", "def answer(x):\n    return [x for x in x]") != needed(
        {"answer"}, "x = slow()"
    )
    assert len(needed({"answer"}, "x = slow()", "def answer(x):\n    y = x\n    return lambda: y")) == 1


@pytest.mark.parametrize("magic", ["%%time", "\n%%capture out", "%%time\n%%capture", "%%timeit -n 1"])
def test_a_magic_at_the_top_of_a_cell_does_not_hide_it(magic):
    assert needed("f", f"{magic}\ndef f():\n    return 1") == ["def f():\n    return 1"]


@pytest.mark.parametrize("deep", ["x = " + "-" * 20_000 + "1", "x = a" + ".b" * 20_000, "x = a" + ".b" * 900])
def test_a_cell_nested_too_deep_for_python_hides_no_other(deep):
    assert needed("f", deep, "def f():\n    return 1") == ["def f():\n    return 1"]


def test_cells_that_are_not_python_are_skipped_and_magics_are_not_run():
    cells = ["this is a note", "%matplotlib inline\nimport torch", "!pip install x", "answer = torch"]
    assert needed({"answer"}, *cells) == ["import torch", "answer = torch"]


def test_a_star_import_is_needed():
    assert needed({"answer"}, "from torch import *", "answer = relu") == [
        "from torch import *",
        "answer = relu",
    ]


@pytest.mark.parametrize(
    "source",
    [
        "import torch\nfrom torch import nn\nimport torch.nn.functional as F\nimport numpy as np",
        "from course_utils import check\nfrom course_utils.checks import check",
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.eval()\n",
        "class A:\n    def __add__(self, other):\n        return A()\n    __radd__ = __add__",
        "model.load_state_dict(state)\nx.grad = None\ndel x.grad",
        "print(type(x).__name__, x.__class__, isinstance(x, torch.Tensor))",
        "def f(kind: type, *kinds: type[nn.Module]) -> type:\n    return isinstance(kind, (int, type))",
        "state = torch.load(path, weights_only=True)\nmodel.load_state_dict(state, strict=False)\nmodel.eval()",
        "getattr(model, 'layer')\nhasattr(model, 'layer')",
        "import matplotlib.pyplot as plt\nplt.show()",
        "if __name__ == '__main__':\n    pass",
    ],
)
def test_an_ordinary_answer_is_not_strange(source):
    assert screen(slicing.statements([source])) == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import os", "imports os"),
        ("import os.path as p", "imports os.path"),
        ("from torch import os", "imports torch.os"),
        ("import torch.utils.cpp_extension", "cpp_extension"),
        ("from course_utils.checks import expect", "course_utils.checks.expect"),
        ("from course_utils import checks", "course_utils.checks"),
        ("from course_utils.checks.notebook_07 import _fits", "notebook_07"),
        ("torch.os.system('true')", ".os"),
        ("torch.hub.load('x', 'y')", ".hub"),
        ("f = __builtins__", "__builtins__"),
        ("f.__globals__['x']", "__globals__"),
        ("open('x')", "open"),
        ("reader = open", "open"),
        ("setattr(torch, 'x', 1)", "setattr"),
        ("getattr(torch, name)", "not written out"),
        ("getattr(torch, 'sys')", "not written out"),
        ("class A:\n    def __lt__(self, other):\n        return True", "defines __lt__"),
        ("class A:\n    __eq__ = f", "__eq__"),
        ("class A(metaclass=B):\n    pass", "special kind"),
        ("class A(torch.Tensor):\n    pass", "special kind"),
        ("type('A', (), {})", "type"),
        ("torch.nn.modules.module.register_module_forward_hook(f)", "register_module_forward_hook"),
        ("from operator import attrgetter", "imports operator.attrgetter"),
        ("(x for x in y).gi_frame", "gi_frame"),
        ("import sys as torch", "imports sys"),
        ("from . import x", "imports None.x"),
        ("look = getattr", "another name"),
        ("map(getattr, [f], [name])", "another name"),
        ("make = type", "another name"),
        ("type(int)('A', (float,), {})", "type"),
        ("class A(type):\n    pass", "special kind"),
        ("collections._sys.modules", "._sys"),
        ("from random import _os", "random._os"),
        ("abc.ABCMeta('A', (float,), {})", "ABCMeta"),
        ("from dataclasses import make_dataclass", "make_dataclass"),
        ("string.Formatter().get_field('0.x', [f], {})", "get_field"),
        ("from torch.utils.benchmark import Timer", "Timer"),
        ("import torch.fx", "torch.fx"),
        ("pd.eval('f.x')", "eval of a text"),
        ("np.load('x', allow_pickle=True)", "pickle"),
        ("np.load('x', None, True)", "pickle"),
        ("torch.load('x', weights_only=False)", "pickle"),
    ],
)
def test_code_that_no_answer_needs_is_reported(source, words):
    found = screen(slicing.statements([source]))
    assert any(words in fault for fault in found), found


def test_a_special_name_from_the_stub_is_allowed():
    source = (
        "class A:\n    def __rmod__(self, x):\n        return 1\n    def __eq__(self, x):\n        return 1"
    )
    assert len(screen(slicing.statements([source]))) == 2
    (fault,) = screen(slicing.statements([source]), stub="__rmod__ = 1")
    assert "__eq__" in fault
