"""The optimizer race against torch.optim, and the convolution explorer against F.conv2d."""

import re

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.playground import convolution_explorer, optimizer_race
from course_utils.playground.convolution import KERNELS, convolve
from course_utils.playground.explorer import Explorer, greys
from course_utils.playground.race import STEPS, Race
from course_utils.playground.surfaces import OPTIMIZERS, SURFACES, arrival, bands, rate, trajectory

PLAIN = {
    "SGD": lambda p, lr: torch.optim.SGD(p, lr),
    "momentum": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9),
    "Nesterov": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9, nesterov=True),
    "RMSprop": lambda p, lr: torch.optim.RMSprop(p, lr),
    "Adam": lambda p, lr: torch.optim.Adam(p, lr),
    "Adamax": lambda p, lr: torch.optim.Adamax(p, lr),
    "Adadelta": lambda p, lr: torch.optim.Adadelta(p, lr),
}
IMAGE = torch.rand(24, 31, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("surface", SURFACES, ids=lambda s: s.name)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_path_is_the_one_of_torch_optim(surface, name):
    point = torch.nn.Parameter(torch.tensor(surface.start, dtype=torch.float32))
    optimizer = PLAIN[name]([point], 0.5 * rate(surface, name))
    for position in trajectory(surface, name, steps=40, scale=0.5):
        assert torch.allclose(position, point.detach(), atol=1e-6)
        optimizer.zero_grad()
        surface.height(point).backward()
        optimizer.step()


def test_sgd_and_adam_follow_their_formulas():
    valley = SURFACES[0]
    slope = torch.tensor([0.1, 2.0])  # the gradient is slope · p
    p = torch.tensor(valley.start, dtype=torch.float64)
    for position in trajectory(valley, "SGD", 30):
        assert torch.allclose(position.double(), p, atol=1e-5)
        p = p - rate(valley, "SGD") * slope * p
    p, m, v = torch.tensor(valley.start, dtype=torch.float64), 0, 0
    for t, position in enumerate(trajectory(valley, "Adam", 30), start=1):
        assert torch.allclose(position.double(), p, atol=1e-5)
        g = slope * p
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        p = p - rate(valley, "Adam") * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8)


@pytest.mark.parametrize("surface", SURFACES, ids=lambda s: s.name)
def test_the_stated_minima_are_minima_of_the_surface(surface):
    for minimum in surface.minima:
        p = torch.tensor(minimum, dtype=torch.float64, requires_grad=True)
        height = surface.height(p)
        (slope,) = torch.autograd.grad(height, p, create_graph=True)
        assert abs(height.item()) < 1e-12 and slope.abs().max() < 1e-7
        hessian = torch.autograd.functional.hessian(surface.height, p.detach())
        assert torch.linalg.eigvalsh(hessian).min() > 0
    assert surface.height(torch.tensor(surface.start)) > 100 * surface.goal


def test_arrival_is_permanent():
    valley = SURFACES[0]
    path = torch.tensor([[5.0, 0], [0, 0], [1, 0], [0.1, 0], [0, 0]])  # heights 1.25, 0, 0.05, 0.0005, 0
    assert arrival(valley, path) == 3
    assert arrival(valley, path[:3]) is None
    assert arrival(valley, torch.full((3, 2), float("nan"))) is None


def test_bands_are_higher_where_the_surface_is():
    valley = bands(SURFACES[0], 60)
    assert valley.min() == 0 and valley.max() == 1
    assert valley[30, 40] < valley[0, 40] and valley[30, 40] < valley[-1, 40]  # y = 0 against the borders


def test_the_race_steps_plays_to_its_end_and_restarts():
    race = Race()
    first = race.picture.value
    race._step()
    assert race.step == 1 and race.picture.value != first
    while race._tick():
        pass
    assert race.step == STEPS
    race._step()
    assert race.step == STEPS
    assert race._tick() and race.step == 1
    race._reset()
    assert race.picture.value == first


def test_the_race_follows_its_controls_even_where_paths_diverge():
    race = Race()
    race.step = 100
    race._show()
    all_paths = race.picture.value
    race.shown["Adam"].value = False
    assert race.picture.value != all_paths
    for surface in SURFACES:
        race.surface.value, race.scale.value = surface, 10.0
        race.step = STEPS
        race._show()
        assert torch.equal(
            race.paths["SGD"].nan_to_num(), trajectory(surface, "SGD", STEPS, 10.0).nan_to_num()
        )


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(list(KERNELS)),
    stride=st.integers(1, 4),
    padding=st.integers(0, 4),
    dilation=st.integers(1, 4),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_the_explorer_shows_what_conv2d_computes(name, stride, padding, dilation, place):
    explorer = Explorer(IMAGE, KERNELS, convolve)
    explorer.kernel.value = name
    for option, value in (("stride", stride), ("padding", padding), ("dilation", dilation)):
        explorer.options[option].value = value
    expected = F.conv2d(
        IMAGE[None, None], KERNELS[name][None, None], stride=stride, padding=padding, dilation=dilation
    )[0, 0]
    assert torch.equal(explorer.output, expected)
    explorer.row.value, explorer.column.value = (
        round(share * (n - 1)) for share, n in zip(place, expected.shape, strict=True)
    )
    _, _, values = explorer.window()
    at_window = expected[explorer.row.value, explorer.column.value]
    assert torch.allclose((values * KERNELS[name]).sum(), at_window, atol=1e-5)
    assert int(re.findall(r"<b>(\d+)</b>", explorer.status.value)[0]) == expected.shape[1]


def test_the_window_moves_through_all_positions():
    explorer = Explorer(IMAGE, KERNELS, convolve)
    explorer.options["stride"].value = 4
    explorer._reset()
    places = []
    for _ in range(explorer.output.numel() + 1):
        places.append((explorer.row.value, explorer.column.value))
        explorer._step()
    assert len(set(places)) == explorer.output.numel() and places[-1] == places[0]


def test_outputs_are_shown_with_zero_in_the_middle_unless_brightness_is_kept():
    edges = greys(torch.tensor([[-2.0, 0.0, 1.0]]), KERNELS["all edges"])
    assert edges.tolist() == [[0.0, 0.5, 0.75]]
    assert greys(torch.tensor([[0.3, 1.4]]), KERNELS["blur"]).tolist() == [[pytest.approx(0.3), 1.0]]


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (torch.rand(3, 40, 40), "mean"),
        (torch.rand(10, 40), "at least 20×20"),
        (torch.zeros(40, 40, dtype=torch.uint8), "floats"),
        (255 * torch.ones(40, 40), "255"),
    ],
)
def test_a_wrong_image_is_explained(image, words):
    with pytest.raises(ValueError, match=words):
        convolution_explorer(image)


def test_the_static_forms_describe_their_contents():
    race = optimizer_race().picture.alt
    for surface in SURFACES:
        assert surface.name in race
    steps = arrival(SURFACES[0], trajectory(SURFACES[0], "Adam", STEPS))
    assert f"Adam {steps}" in race
    assert "24×31" in convolution_explorer(IMAGE).picture.alt
