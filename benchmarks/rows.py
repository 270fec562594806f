"""The rows of the benchmark: the floor, the course's ``fit``, and alternatives to it.

Each row is a function that prepares as much as possible and returns ``epoch``, which is measured: it trains for one
epoch, evaluates once, and returns the accuracy. Progress bars, logs and checkpoints are off in all rows, and all use
the fused form of Adam if they can be configured to.
"""

import logging
import os
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import Adam
from torch.utils.data import DataLoader

from benchmarks.task import RATE, TEST_BATCH, Task

Epoch = Callable[[], float]


def floor(task: Task) -> Epoch:
    """Forward, backward and a fused step on batches sliced in advance, and a forward pass over the test images."""
    model = task.model()
    optimizer = Adam(model.parameters(), RATE, fused=True)
    order = torch.randperm(len(task.train))
    batches = [task.train.batch(index) for index in order.split(task.batch_size)]
    test_batches = [task.test.batch(index) for index in torch.arange(len(task.test)).split(TEST_BATCH)]

    def epoch():
        model.train()
        for x, y in batches:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
        model.eval()
        with torch.inference_mode():
            outputs = [model(x) for x, _ in test_batches]
        return accuracy(torch.cat(outputs), task)

    return epoch


def accuracy(outputs: torch.Tensor, task: Task) -> float:
    """Return the fraction of test images that ``outputs`` ``(N, 10)`` classify correctly."""
    return float((outputs.argmax(1) == task.test.labels).float().mean())


def course_fit(task: Task) -> Epoch:
    """The course's fit and evaluate."""
    from course_utils.training import evaluate, fit

    model = task.model()
    # fit uses the fused form of it.
    optimizer = Adam(model.parameters(), RATE)

    def epoch():
        fit(model, task.train, epochs=1, optimizer=optimizer, batch_size=task.batch_size, progress=False)
        return evaluate(model, task.test, batch_size=TEST_BATCH).accuracy

    return epoch


def hand_written(
    task: Task,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    train: DataLoader,
    test: DataLoader,
    backward: Callable[[torch.Tensor], None],
) -> Epoch:
    """Return the usual loop over two DataLoaders."""

    def epoch():
        model.train()
        for x, y in train:
            optimizer.zero_grad()
            backward(F.cross_entropy(model(x), y))
            optimizer.step()
        model.eval()
        with torch.inference_mode():
            return accuracy(torch.cat([model(x) for x, _ in test]), task)

    return epoch


def tensor_dataset(task: Task) -> Epoch:
    """A hand-written loop over a DataLoader of tensors in memory."""
    model = task.model()
    optimizer = Adam(model.parameters(), RATE, fused=True)
    return hand_written(task, model, optimizer, *task.loaders(), torch.Tensor.backward)


def lecture(task: Task) -> Epoch:
    """The lecture's loop: torchvision's data set, Resize and ToTensor for each image, .item() in each step."""
    from torchvision import datasets, transforms

    model = task.model()
    optimizer = Adam(model.parameters(), RATE)
    prepare = transforms.Compose([transforms.Resize((32, 32)), transforms.ToTensor()])
    train, test = (datasets.MNIST(task.folder, train=part, transform=prepare) for part in (True, False))
    train = torch.utils.data.DataLoader(train, task.batch_size, shuffle=True)
    test = torch.utils.data.DataLoader(test, TEST_BATCH)

    def epoch():
        model.train()
        total_loss = 0.0
        for x, y in train:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            total_loss += loss.item()
        model.eval()
        right = 0
        with torch.no_grad():
            for x, y in test:
                right += (model(x).argmax(1) == y).sum().item()
        return right / len(test.dataset)

    return epoch


def skorch(task: Task) -> Epoch:
    """skorch's NeuralNetClassifier."""
    from skorch import NeuralNetClassifier

    net = NeuralNetClassifier(
        task.model(),
        criterion=nn.CrossEntropyLoss,
        optimizer=Adam,
        optimizer__fused=True,
        lr=RATE,
        max_epochs=1,
        batch_size=task.batch_size,
        iterator_train__shuffle=True,
        iterator_valid__batch_size=TEST_BATCH,
        train_split=None,
        verbose=0,
    ).initialize()
    x, y, x_test, y_test = task.tensors()

    def epoch():
        net.partial_fit(x, y)
        return float((net.predict(x_test) == y_test.numpy()).mean())

    return epoch


def accelerate(task: Task) -> Epoch:
    """The hand-written loop, prepared by Hugging Face Accelerate."""
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    model = task.model()
    optimizer = Adam(model.parameters(), RATE, fused=True)
    prepared = accelerator.prepare(model, optimizer, *task.loaders())
    return hand_written(task, *prepared, accelerator.backward)


def fastai(task: Task) -> Epoch:
    """fastai's Learner; its fit evaluates after the epoch."""
    from functools import partial

    from fastai.learner import DataLoaders, Learner
    from fastai.metrics import accuracy as right
    from fastai.optimizer import OptimWrapper

    optimizer = partial(OptimWrapper, opt=Adam, fused=True)
    loaders = DataLoaders(*task.loaders())
    learner = Learner(loaders, task.model(), F.cross_entropy, opt_func=optimizer, metrics=right)

    def epoch():
        with learner.no_logging():
            learner.fit(1, RATE)
        return float(learner.recorder.values[-1][-1])

    return epoch


def lightning(task: Task) -> Epoch:
    """Lightning's Trainer."""
    import lightning

    class Classifier(lightning.LightningModule):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def training_step(self, batch, index):
            x, y = batch
            return F.cross_entropy(self.model(x), y)

        def on_test_epoch_start(self):
            self.outputs = []

        def test_step(self, batch, index):
            self.outputs.append(self.model(batch[0]))

        def configure_optimizers(self):
            return Adam(self.parameters(), RATE, fused=True)

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    silent = dict.fromkeys(
        ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False
    )
    trainer = lightning.Trainer(max_epochs=1, accelerator="cpu", num_sanity_val_steps=0, **silent)
    classifier, (train, test) = Classifier(task.model()), task.loaders()

    def epoch():
        trainer.fit(classifier, train)
        trainer.test(classifier, test, verbose=False)
        return accuracy(torch.cat(classifier.outputs), task)

    return epoch


def keras(task: Task) -> Epoch:
    """Keras on torch, with the same module inside."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    x, y, x_test, y_test = (part.numpy() for part in task.tensors())
    model = keras.Sequential([keras.Input(x.shape[1:]), keras.layers.TorchModuleWrapper(task.model())])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(RATE), loss, metrics=["accuracy"])

    def epoch():
        model.fit(x, y, batch_size=task.batch_size, epochs=1, verbose=0)
        return model.evaluate(x_test, y_test, batch_size=TEST_BATCH, verbose=0)[1]

    return epoch


# Name in the table → function, and the package that it needs in addition to the course's own.
ROWS: dict[str, tuple[Callable[[Task], Epoch], str]] = {
    "floor": (floor, "torch"),
    "fit (this course)": (course_fit, "torch"),
    "TensorDataset + DataLoader": (tensor_dataset, "torch"),
    "skorch": (skorch, "skorch"),
    "Accelerate": (accelerate, "accelerate"),
    "fastai": (fastai, "fastai"),
    "Lightning": (lightning, "lightning"),
    "Keras on torch": (keras, "keras"),
    "the lecture's loop": (lecture, "torchvision"),
}
