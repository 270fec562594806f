"""Five trainings of ten steps each, in float64 on one thread: what test_ten_steps.py compares with stored numbers."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils.training import fit, seed_everything


def network() -> nn.Module:
    hidden = [nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.25)]
    return nn.Sequential(*hidden, nn.Linear(8, 3)).double()


def data(count: int) -> TensorDataset:
    draw = torch.Generator().manual_seed(count)
    return TensorDataset(
        torch.randn(count, 6, generator=draw, dtype=torch.float64),
        torch.randint(3, (count,), generator=draw),
    )


def shifted(x: torch.Tensor) -> torch.Tensor:
    return x + 0.1 * torch.randn_like(x)


def train(rule, make_schedule=None, count=75, **options) -> dict[str, list[float]]:
    """Train the network; return history and weights, as numbers."""
    seed_everything(0)
    model = network()
    optimizer = rule(model.parameters())
    if make_schedule:
        options["scheduler"] = make_schedule(optimizer)
    options = {"epochs": 2, "batch_size": 16} | options  # five batches per epoch, the last one smaller
    history = vars(fit(model, data(count), optimizer=optimizer, progress=False, **options))
    weights = torch.cat([value.flatten().double() for value in model.state_dict().values()])
    return {name: values for name, values in history.items() if name != "seconds"} | {
        "weights": weights.tolist()
    }


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=1e-3)


def adam(parameters):
    return torch.optim.Adam(parameters, lr=0.01)


def falling(optimizer):
    return torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.8)


def plain():
    return train(sgd)


def accumulated():
    return train(adam, count=160, accumulate=2, epochs=2)


def augmented():
    return train(torch.optim.RMSprop, augment=shifted, validation=data(20), patience=2)


def scheduled():
    return train(sgd, falling, scheduler_step="batch", loss=nn.CrossEntropyLoss(label_smoothing=0.1))


def from_loader():
    """A regression from a DataLoader that shuffles; the model is a line."""
    seed_everything(0)
    x = data(60).tensors[0]
    loader = DataLoader(TensorDataset(x, x[:, :3].sin()), batch_size=12, shuffle=True)
    model = nn.Linear(6, 3).double()
    history = vars(
        fit(model, loader, epochs=2, optimizer=adam(model.parameters()), loss=F.mse_loss, progress=False)
    )
    weights = torch.cat([p.detach().flatten() for p in model.parameters()])
    return {name: values for name, values in history.items() if name != "seconds"} | {
        "weights": weights.tolist()
    }


TRAININGS = (plain, accumulated, augmented, scheduled, from_loader)
