"""Any network that the plain loop of notebook 06 trains is trained by fit, to the last bit."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from network_grammar import CHANNELS, CLASSES, SIZE, build, recipes
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils.training import evaluate, fit, predict

# foreach=False: fit leaves the choice to the user, and the step is the plain one
RULES = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, foreach=False),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.01, foreach=False),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
    "NAdam": lambda p: torch.optim.NAdam(p, lr=0.01),
}


def data(count=22):
    draw = torch.Generator().manual_seed(count)
    return TensorDataset(
        torch.randn(count, CHANNELS, SIZE, SIZE, generator=draw),
        torch.randint(CLASSES, (count,), generator=draw),
    )


def plain_loop(model, batches, validation, optimizer, epochs, loss=F.cross_entropy):
    """The loop of notebook 06; returns the loss of each batch and of each validation."""
    losses, measured = [], []
    for _ in range(epochs):
        model.train()
        for x, y in batches:
            optimizer.zero_grad()
            value = loss(model(x), y)
            value.backward()
            optimizer.step()
            losses.append(value.item())
        model.eval()
        with torch.no_grad():
            values = [(loss(model(x), y).item() * len(y), len(y)) for x, y in validation]
        measured.append(sum(value for value, _ in values) / sum(count for _, count in values))
    return losses, measured


@settings(max_examples=25, deadline=None)
@given(recipe=recipes(), rule=st.sampled_from(sorted(RULES)))
def test_fit_equals_the_plain_loop_bit_for_bit(recipe, rule):
    train, validation = DataLoader(data(), 4, shuffle=True), DataLoader(data(9), 4)
    theirs, ours = build(recipe), build(recipe)
    torch.manual_seed(1)
    losses, measured = plain_loop(theirs, train, validation, RULES[rule](theirs.parameters()), epochs=2)
    torch.manual_seed(1)
    optimizer = RULES[rule](ours.parameters())
    history = fit(ours, train, epochs=2, optimizer=optimizer, validation=validation, progress=False)
    assert history.batch_losses == losses
    assert history.val_loss == pytest.approx(measured, abs=1e-6)
    assert all(map(torch.equal, ours.state_dict().values(), theirs.state_dict().values()))


@settings(max_examples=10, deadline=None)
@given(recipe=recipes())
def test_a_network_that_was_measured_first_still_trains_in_the_plain_loop(recipe):
    model, batches = build(recipe), DataLoader(data(), 4)
    evaluate(model, batches), predict(model, batches)
    losses, _ = plain_loop(model, batches, batches, RULES["SGD"](model.parameters()), epochs=1)
    assert len(losses) == 6


@settings(max_examples=10, deadline=None)
@given(recipe=recipes())
def test_bfloat16_trains_every_network_and_moves_none(recipe):
    model = build(recipe)
    predict(model, data())  # makes the lazy layers
    formats = [(p.stride(), p.dtype, p.data_ptr()) for p in model.parameters()]
    optimizer = RULES["SGD"](model.parameters())
    fit(model, data(), epochs=1, optimizer=optimizer, batch_size=11, precision="bf16", progress=False)
    assert [(p.stride(), p.dtype, p.data_ptr()) for p in model.parameters()] == formats


def test_bfloat16_trains_volumes():
    model = nn.Sequential(nn.Conv3d(1, 2, 3), nn.Flatten(), nn.Linear(16, 2))
    volumes = TensorDataset(torch.randn(8, 1, 4, 4, 4), torch.arange(8) % 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    assert len(fit(model, volumes, epochs=1, optimizer=optimizer, precision="bf16", progress=False)) == 1


class Words(nn.Module):
    """A classifier of texts, with an embedding whose gradient is sparse."""

    def __init__(self, sparse):
        super().__init__()
        torch.manual_seed(0)
        self.embedding, self.last = nn.Embedding(20, 4, sparse=sparse), nn.Linear(4, CLASSES)

    def forward(self, x):
        return self.last(self.embedding(x).mean(1))


@pytest.mark.parametrize("accumulate", [1, 2])
def test_sparse_gradients_train_as_dense_ones_do(accumulate):
    texts = TensorDataset(torch.randint(20, (21, 5)), torch.arange(21) % CLASSES)
    histories = []
    for sparse in (True, False):
        model = Words(sparse)
        torch.manual_seed(1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        options = {"batch_size": 4, "accumulate": accumulate, "progress": False}
        histories.append(fit(model, texts, epochs=2, optimizer=optimizer, **options).batch_losses)
    assert histories[0] == pytest.approx(histories[1], abs=1e-6)


def test_a_sparse_optimizer_accumulates_too():
    model = nn.EmbeddingBag(20, CLASSES, sparse=True)
    texts = TensorDataset(torch.randint(20, (21, 5)), torch.arange(21) % CLASSES)
    optimizer = torch.optim.SparseAdam(model.parameters(), lr=0.05)
    history = fit(model, texts, epochs=20, optimizer=optimizer, batch_size=4, accumulate=2, progress=False)
    assert history.train_loss[-1] < 0.8 * history.train_loss[0]


@pytest.mark.parametrize("wrap", [lambda a, b: (a, b), lambda a, b: {"out": a, "aux": b}])
def test_a_loss_is_given_the_outputs_as_they_are_and_the_first_tensor_is_scored(wrap):
    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.first, self.second = nn.Linear(72, CLASSES), nn.Linear(72, CLASSES)

        def forward(self, x):
            return wrap(self.first(x.flatten(1)), self.second(x.flatten(1)))

    def loss(out, y):
        first, second = out.values() if isinstance(out, dict) else out
        return F.cross_entropy(first, y) + 0.3 * F.cross_entropy(second, y)

    ours, theirs, batches = Heads(), Heads(), DataLoader(data(), 4)
    losses, measured = plain_loop(theirs, batches, batches, RULES["SGD"](theirs.parameters()), 2, loss)
    optimizer = RULES["SGD"](ours.parameters())
    history = fit(ours, batches, epochs=2, optimizer=optimizer, loss=loss, validation=data(), progress=False)
    assert history.batch_losses == losses and history.val_loss == pytest.approx(measured, abs=1e-6)
    x, y = data().tensors
    right = (ours.first(x.flatten(1)).argmax(1) == y).float().mean().item()
    assert history.val_accuracy[-1] == evaluate(ours, data(), loss).accuracy == pytest.approx(right)
    assert torch.allclose(predict(ours, data()), ours.first(x.flatten(1)), atol=1e-6)


def test_googlenet_trains_with_its_auxiliary_heads():
    from torchvision.models import googlenet

    def loss(out, y):
        # a tuple in training, a tensor in evaluation
        if isinstance(out, torch.Tensor):
            return F.cross_entropy(out, y)
        heads = F.cross_entropy(out.aux_logits1, y) + F.cross_entropy(out.aux_logits2, y)
        return F.cross_entropy(out.logits, y) + 0.3 * heads

    torch.manual_seed(0)
    model = googlenet(num_classes=CLASSES, aux_logits=True, init_weights=False)
    images = TensorDataset(torch.rand(4, 3, 32, 32), torch.arange(4) % CLASSES)
    before = model.aux1.fc2.weight.clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    options = {"loss": loss, "validation": images, "batch_size": 4, "progress": False}
    history = fit(model, images, epochs=1, optimizer=optimizer, **options)
    assert history.val_accuracy[0] is not None and not torch.equal(model.aux1.fc2.weight, before)


def test_labels_that_the_loss_ignores_and_targets_that_it_reshapes_are_trained_on():
    x, y = data().tensors
    ignored = torch.where(torch.arange(22) == 3, -100, y)
    binary = lambda out, y: F.binary_cross_entropy_with_logits(out.squeeze(1), y.float())  # noqa: E731
    for targets, outputs, loss in [
        (ignored, CLASSES, F.cross_entropy),
        ((y > 0).long(), 1, binary),
        (y.float(), 1, lambda out, y: F.mse_loss(out.squeeze(1), y)),
        (y.float(), 1, lambda out, y: F.mse_loss(out[:, 0], y)),
        (F.one_hot(y, CLASSES).float(), CLASSES, F.cross_entropy),
    ]:
        model = nn.Sequential(nn.Flatten(), nn.Linear(72, outputs))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        history = fit(
            model, TensorDataset(x, targets), epochs=1, optimizer=optimizer, loss=loss, progress=False
        )
        assert (history.train_accuracy[0] is None) == (targets.dtype == torch.float32 or outputs == 1)
