"""Classic mistakes in the forward pass of a multilayer perceptron."""

import torch


def forward(x, weights, biases, between=torch.relu, last=lambda v: v):
    for weight, bias in zip(weights[:-1], biases[:-1]):
        x = between(x @ weight.T + bias)
    return last(x @ weights[-1].T + biases[-1])


def relu_first(x, weights, biases):
    for weight, bias in zip(weights, biases):
        x = torch.relu(x) @ weight.T + bias
    return x


def three_layers(x, weights, biases):
    for i in range(3):
        x = x @ weights[i].T + biases[i]
        x = x.clamp(min=0) if i < 2 else x
    return x


MISTAKES = [
    (lambda x, w, b: forward(x, w[:-1], b[:-1]), "Expected an output of shape (20, 3)"),
    (lambda x, w, b: forward(x, w, b, last=torch.relu), "clipped at zero"),
    (lambda x, w, b: forward(x, w, b, between=lambda v: v), "no ReLU between your layers"),
    (lambda x, w, b: forward(x, w, [0 for _ in b]), "biases are missing"),
    (lambda x, w, b: forward(x, w, b, between=torch.sigmoid), "a sigmoid between your layers"),
    (relu_first, "ReLU comes too early"),
    (lambda x, w, b: forward(x, w, b, between=torch.tanh), "differs from nn.Sequential"),
    (lambda x, w, b: forward(x, [v.T for v in w], b), "Your code stopped"),
    (three_layers, "however many there are"),
]
