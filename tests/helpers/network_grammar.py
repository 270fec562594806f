"""Random small networks for images (B, 2, 6, 6), written as their authors would write them."""

import torch
from hypothesis import strategies as st
from torch import nn

CHANNELS, SIZE, CLASSES = 2, 6, 3


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU())

    def forward(self, x):
        return x + self.inner(x)


class Branches(nn.Module):
    """Two branches that are concatenated: as many channels as before."""

    def __init__(self, channels):
        super().__init__()
        self.narrow = nn.Conv2d(channels, channels - channels // 2, 1)
        self.wide = nn.Conv2d(channels, channels // 2, 3, padding=1)

    def forward(self, x):
        return torch.cat([self.narrow(x), self.wide(x)], dim=1)


class View(nn.Module):
    def forward(self, x):
        return x.view(x.size(0), -1)


class Table(nn.Module):
    """Adds a table of positions that is made in the first forward pass and kept as a plain attribute."""

    def __init__(self):
        super().__init__()
        self.table = None

    def forward(self, x):
        if self.table is None:
            self.table = torch.linspace(-1, 1, x.shape[-1])
        return x * self.table


class Recurrent(nn.Module):
    """Reads the rows of the feature map one after the other."""

    def __init__(self, kind, channels):
        super().__init__()
        self.cell = kind(channels * SIZE, 5, batch_first=True)

    def forward(self, x):
        rows = x.permute(0, 2, 1, 3).flatten(2)  # (B, H, C·W)
        return self.cell(rows)[0][:, -1]


class Attention(nn.Module):
    """The positions of the feature map attend to each other."""

    def __init__(self, channels):
        super().__init__()
        self.attention = nn.MultiheadAttention(channels, 1, dropout=0.1, batch_first=True)
        self.norm = nn.LayerNorm(channels)

    def forward(self, x):
        tokens = x.flatten(2).transpose(1, 2)  # (B, H·W, C)
        return self.norm(tokens + self.attention(tokens, tokens, tokens)[0]).mean(1)


class Noisy(nn.Module):
    """Draws random numbers in training and in evaluation, as a variational autoencoder may."""

    def forward(self, x):
        return x + 0.1 * torch.randn_like(x)


# from the number of channels to a layer that keeps the shape
BODY = {
    "residual": Residual,
    "branches": Branches,
    "batch norm": nn.BatchNorm2d,
    "lazy batch norm": lambda channels: nn.LazyBatchNorm2d(),
    "group norm": lambda channels: nn.GroupNorm(1, channels),
    "instance norm": lambda channels: nn.InstanceNorm2d(channels, affine=True),
    "dropout": lambda channels: nn.Dropout2d(0.3),
    "lazy convolution": lambda channels: nn.LazyConv2d(channels, 3, padding=1),
    "table": lambda channels: Table(),
    "in place": lambda channels: nn.Sequential(nn.Conv2d(channels, channels, 1), nn.ReLU(inplace=True)),
    "spectral norm": lambda channels: nn.utils.parametrizations.spectral_norm(nn.Conv2d(channels, channels, 1)),
}  # fmt: skip

# from the number of channels to a layer that gives vectors, and their length
NECK = {
    "flatten": lambda channels: (nn.Flatten(), channels * SIZE**2),
    "view": lambda channels: (View(), channels * SIZE**2),
    "pool": lambda channels: (nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), channels),
    "LSTM": lambda channels: (Recurrent(nn.LSTM, channels), 5),
    "GRU": lambda channels: (Recurrent(nn.GRU, channels), 5),
    "attention": lambda channels: (Attention(channels), channels),
}

# from the length of the vectors to a layer that keeps it
HEAD = {
    "linear": lambda length: nn.Sequential(nn.Linear(length, length), nn.Tanh()),
    "batch norm": nn.BatchNorm1d,
    "layer norm": nn.LayerNorm,
    "dropout": lambda length: nn.Dropout(0.5),
    "noise": lambda length: Noisy(),
    "frozen": lambda length: nn.Linear(length, length).requires_grad_(False),
}

LAST = {
    "linear": lambda length: nn.Linear(length, CLASSES),
    "lazy": lambda length: nn.LazyLinear(CLASSES),
}


def recipes():
    """Names of layers: a convolution and what comes after it."""
    return st.fixed_dictionaries(
        {
            "channels": st.integers(2, 4),
            "body": st.lists(st.sampled_from(sorted(BODY)), max_size=3),
            "neck": st.sampled_from(sorted(NECK)),
            "head": st.lists(st.sampled_from(sorted(HEAD)), max_size=2),
            "last": st.sampled_from(sorted(LAST)),
        }
    )


def build(recipe) -> nn.Module:
    """The network of a recipe; the same weights each time."""
    torch.manual_seed(0)
    channels = recipe["channels"]
    layers = [nn.Conv2d(CHANNELS, channels, 3, padding=1)]
    layers += [BODY[name](channels) for name in recipe["body"]]
    neck, length = NECK[recipe["neck"]](channels)
    layers += [neck, *(HEAD[name](length) for name in recipe["head"]), LAST[recipe["last"]](length)]
    return nn.Sequential(*layers)
