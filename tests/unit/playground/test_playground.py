"""The network playground: its computations equal PyTorch's, and its controls have their effects."""

import asyncio
import io
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from course_utils.playground import network_playground
from course_utils.playground.canvas import Canvas
from course_utils.playground.experiment import ACTIVATIONS, BATCH, GRID, Experiment, Settings, build
from course_utils.playground.interactive import Player, Turns
from course_utils.playground.network import Playground
from course_utils.playground.points import DATA_SETS, FEATURES, SIDE, features_of, make_points, plane

SOME_FEATURES = st.lists(st.sampled_from(list(FEATURES)), min_size=1, max_size=7, unique=True).map(tuple)
SOME_WIDTHS = st.lists(st.integers(1, 8), max_size=4).map(tuple)


def some_settings():
    return st.builds(
        Settings,
        data=st.sampled_from(list(DATA_SETS)),
        features=SOME_FEATURES,
        widths=SOME_WIDTHS,
        activation=st.sampled_from(list(ACTIVATIONS)),
        seed=st.integers(0, 5),
    )


def plain_network(experiment):
    """The same network, written out independently, with the same weights."""
    s = experiment.settings
    sizes = [len(s.features), *s.widths, 1]
    functions = {"tanh": nn.Tanh, "ReLU": nn.ReLU, "sigmoid": nn.Sigmoid, "none": nn.Identity}
    layers = []
    for i, o in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Linear(i, o), functions[s.activation]()]
    net = nn.Sequential(*layers[:-1])
    for ours, theirs in zip(net.parameters(), experiment.net.parameters(), strict=True):
        ours.data.copy_(theirs)
    return net


def columns(points, names):
    """The features by their formulas, scaled to values near one."""
    x, y = points.T
    formulas = {"x₁": x / 3, "x₂": y / 3, "x₁²": x * x / 18, "x₂²": y * y / 18, "x₁x₂": x * y / 18}
    formulas |= {"sin x₁": torch.sin(x), "sin x₂": torch.sin(y)}
    return torch.stack([formulas[name] for name in names], 1)


@pytest.mark.parametrize("name", DATA_SETS)
def test_points_are_balanced_repeatable_and_in_the_plane(name):
    points, labels = make_points(name, 0.0, 240, seed=3)
    assert points.shape == (240, 2) and labels.shape == (240,)
    assert 80 <= labels.sum() <= 160 and set(labels.tolist()) == {0.0, 1.0}
    assert points.abs().max() <= SIDE
    assert torch.equal(points, make_points(name, 0.0, 240, seed=3)[0])
    assert not torch.equal(points, make_points(name, 0.0, 240, seed=4)[0])


def test_without_noise_the_classes_match_the_names():
    points, labels = make_points("circle", 0.0)
    assert torch.equal(points.norm(dim=1) < 3, labels == 1)
    points, labels = make_points("xor", 0.0)
    assert torch.equal((points[:, 0] > 0) == (points[:, 1] > 0), labels == 1)
    points, labels = make_points("gauss", 0.0, 2000)
    assert torch.allclose(points[labels == 1].mean(0), torch.tensor([2.0, 2.0]), atol=0.2)
    points, labels = make_points("spiral", 0.0)
    turned = torch.where(labels[:, None] == 1, -points, points)  # half a turn maps one arm to the other
    radius = turned.norm(dim=1)
    assert torch.allclose(
        turned,
        torch.stack([(0.7 * torch.pi * radius).sin(), (0.7 * torch.pi * radius).cos()], 1) * radius[:, None],
        atol=1e-4,
    )


def test_noise_moves_points_by_twice_its_size():
    still, moved = (make_points("gauss", noise, 4000)[0] for noise in (0.0, 0.25))
    assert abs((moved - still).std() - 0.5) < 0.02


def test_the_plane_is_read_like_a_picture():
    square = plane(4).reshape(4, 4, 2)
    assert square[0, 0].tolist() == [-4.5, 4.5] and square[-1, -1].tolist() == [4.5, -4.5]


@given(names=SOME_FEATURES)
def test_features_are_their_formulas(names):
    points = plane(8)
    assert torch.allclose(features_of(points, names), columns(points, names))


@settings(max_examples=25, deadline=None)
@given(some_settings())
def test_each_map_is_the_output_of_a_plain_sequential(chosen):
    experiment = Experiment(chosen)
    for _ in range(5):
        experiment.step()
    net, x = plain_network(experiment), columns(plane(GRID), chosen.features)
    maps = experiment.maps()
    assert len(maps) == len(chosen.widths) + 2
    with torch.no_grad():
        for layer, signals in enumerate(maps[:-1]):
            expected = net[: 2 * layer](x)  # a linear layer and an activation each
            assert torch.allclose(signals, expected.T.reshape(-1, GRID, GRID), atol=1e-6)
        assert torch.allclose(maps[-1][0].flatten(), torch.tanh(net(x)[:, 0] / 2), atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(some_settings())
def test_training_is_plain_sgd_on_the_cross_entropy(chosen):
    experiment = Experiment(chosen)
    net = plain_network(experiment)
    x, points, labels = columns(experiment.points, chosen.features), experiment.points, experiment.labels
    order = torch.randperm(len(points), generator=torch.Generator().manual_seed(chosen.seed)).split(BATCH)
    for chosen_points in reversed(order):  # one epoch
        experiment.step()
        net.zero_grad()
        binary_cross_entropy_with_logits(net(x[chosen_points])[:, 0], labels[chosen_points]).backward()
        for p in net.parameters():
            p.data -= chosen.rate * p.grad
    assert experiment.epoch == 1
    for ours, theirs in zip(net.parameters(), experiment.net.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)


def test_losses_and_accuracy_are_those_of_all_training_and_all_test_points():
    experiment = Experiment(Settings("gauss", 0.3, seed=1))
    test_points, test_labels = make_points("gauss", 0.3, seed=3)
    net = plain_network(experiment)
    names = experiment.settings.features
    with torch.no_grad():
        train_scores, scores = (net(columns(p, names))[:, 0] for p in (experiment.points, test_points))
    assert experiment.train_losses[-1] == pytest.approx(
        binary_cross_entropy_with_logits(train_scores, experiment.labels).item()
    )
    assert experiment.test_losses[-1] == pytest.approx(
        binary_cross_entropy_with_logits(scores, test_labels).item()
    )
    assert experiment.accuracy() == pytest.approx(((scores > 0) == (test_labels == 1)).float().mean().item())
    assert not torch.equal(test_points, experiment.points)


def test_the_playground_does_not_change_the_notebooks_random_numbers():
    state = torch.get_rng_state()
    experiment = Experiment(Settings())
    experiment.step()
    build(2, (3,), "ReLU", 0)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_network_needs_a_feature():
    with pytest.raises(ValueError, match="at least one"):
        Settings(features=())


def decoded(png):
    from PIL import Image

    return Image.open(io.BytesIO(png)).convert("RGB")


def test_a_canvas_shows_values_in_the_courses_colours():
    canvas = Canvas(30, 10)
    for i, value in enumerate((-1.0, 0.0, 5.0)):
        canvas.map(10 * i, 0, (10, 10), torch.full((4, 4), value))
    picture = decoded(canvas.png())
    assert picture.size == (60, 20)
    assert [picture.getpixel((20 * i + 10, 10)) for i in range(3)] == [
        (213, 94, 0),
        (250, 250, 250),
        (0, 114, 178),
    ]
    canvas.photo(0, 0, (10, 10), torch.tensor([[0.0, 1.0]]))
    picture = decoded(canvas.png())
    assert picture.getpixel((2, 2)) == (0, 0, 0) and picture.getpixel((18, 2)) == (255, 255, 255)


def test_the_picture_of_a_network_shows_its_boundary():
    playground = Playground()
    playground.features["x₁x₂"].value = True
    playground.data.value = "xor"
    for _ in range(40):
        playground._step()
    picture = decoded(playground.picture.value)
    red, _, blue = picture.getpixel((2 * 937, 2 * 53))  # both coordinates positive: class 1, blue
    assert blue > red
    red, _, blue = picture.getpixel((2 * 663, 2 * 53))
    assert red > blue


def test_controls_determine_the_network():
    playground = Playground()
    playground.layers[0].value, playground.layers[1].value, playground.layers[3].value = 5, 0, 3
    playground.activation.value, playground.features["sin x₂"].value = "ReLU", True
    net = playground.experiment.net
    assert [tuple(m.weight.shape) for m in net if isinstance(m, nn.Linear)] == [(5, 3), (3, 5), (1, 3)]
    assert isinstance(net[1], nn.ReLU)
    playground.noise.value = 0
    assert torch.equal(playground.experiment.points, make_points("circle", 0.0)[0])


def test_the_last_feature_cannot_be_removed():
    playground = Playground()
    playground.features["x₁"].value = False
    playground.features["x₂"].value = False
    assert playground.features["x₂"].value and playground.experiment.settings.features == ("x₂",)


def test_a_new_learning_rate_keeps_the_trained_network_and_other_controls_reset_it():
    playground = Playground()
    playground._step()
    before = playground.experiment
    playground.rate.value = 1.0
    assert playground.experiment is before and before.optimizer.param_groups[0]["lr"] == 1.0
    playground.activation.value = "ReLU"
    assert playground.experiment is not before and playground.experiment.epoch == 0


def test_step_is_one_epoch_reset_goes_back_and_new_points_are_new():
    playground = Playground()
    points, weights = playground.experiment.points, playground.experiment.weights()[0].clone()
    playground._step()
    assert playground.experiment.epoch == 1 and "epoch&nbsp;<b>1</b>" in playground.status.value
    assert not torch.equal(playground.experiment.weights()[0], weights)
    playground._reset()
    assert torch.equal(playground.experiment.weights()[0], weights)
    playground._new_points(None)
    assert not torch.equal(playground.experiment.points, points)


def test_a_diverging_network_pauses_and_is_drawn():
    playground = Playground()
    with torch.no_grad():
        playground.experiment.net[0].weight.fill_(float("nan"))
    assert playground._tick() is False
    assert bytes(playground.picture.value).startswith(b"\x89PNG")


def test_play_continues_until_pause_and_only_one_plays():
    async def play():
        first, second = Playground(), Playground()
        first.player.play()
        while first.player.frames < 3:
            await asyncio.sleep(0.01)
        assert first.experiment.epoch >= 2
        second.player.play()
        await first.player.task
        assert not first.player.playing and second.player.playing
        second.player.pause()
        await second.player.task
        assert second.player.turns.player is None

    asyncio.run(play())


def test_players_that_do_not_share_turns_play_at_the_same_time():
    async def play():
        first, second = (Player(lambda: True, Turns()) for _ in range(2))
        first.play()
        second.play()
        assert first.playing and second.playing
        first.pause()
        second.pause()
        await asyncio.gather(first.task, second.task)

    asyncio.run(play())


def test_a_player_stops_when_a_frame_returns_false_and_restores_the_threads():
    seen, states = [], []

    def tick():
        seen.append(torch.get_num_threads())
        return len(seen) < 3

    async def play():
        player = Player(tick)
        player.changed = states.append
        player.play()
        await player.task

    threads = torch.get_num_threads()
    asyncio.run(play())
    assert seen == [1, 1, 1] and states == [True, False]
    assert torch.get_num_threads() == threads


def test_an_error_in_a_frame_stops_the_player():
    async def play():
        player = Player(lambda: 1 / 0)
        player.play()
        with pytest.raises(ZeroDivisionError):
            await player.task
        assert not player.playing

    asyncio.run(play())


def test_one_output_contains_the_widget_and_the_figure_of_four_networks():
    shown = network_playground()
    bundle = shown._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == shown.widget.model_id
    assert f'alt="{shown.picture.alt}"' in bundle["text/html"]
    for name in DATA_SETS:
        assert name in shown.picture.alt


def test_importing_the_playground_loads_no_widgets_and_no_matplotlib():
    code = (
        "import sys, course_utils.playground; "
        "print([m for m in ('ipywidgets', 'matplotlib', 'PIL', 'sklearn', 'torchvision') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
