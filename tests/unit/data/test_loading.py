"""Loading images: torchvision is the oracle, on small files written here; no network is touched."""

import dataclasses
import gc
import gzip
import hashlib
import http.server
import os
import pickle
import subprocess
import sys
import threading
import warnings

import numpy
import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.testing import assert_close
from torchvision.transforms import v2

from course_utils import data
from course_utils.data import DataError, ImageSet, downloads, loading
from course_utils.data.published import IDX_BYTES, PUBLISHED, first_share, read_idx

exact = {"rtol": 0, "atol": 0}


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """Each test: an empty data folder, no settings from outside, nothing loaded or failed yet."""
    for name in ("COURSE_FRACTION", "COURSE_DOWNLOAD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    data.session.reset()
    yield
    data.session.reset()


@pytest.fixture
def no_network(monkeypatch):
    """Every download fails at once; the list counts the attempts."""
    attempts = []

    def fail():
        attempts.append(1)
        raise OSError("<urlopen error [Errno -2] Name or service not known>")

    monkeypatch.setattr(downloads, "_downloader", lambda name, folder: fail)
    return attempts


def idx_bytes(values: torch.Tensor) -> bytes:
    header = bytes([0, 0, 8, values.ndim]) + b"".join(size.to_bytes(4, "big") for size in values.shape)
    return header + values.numpy().tobytes()


def idx_contents(seed: int) -> dict[str, bytes]:
    """Forty training and twenty test images in the four files of MNIST."""
    generator = torch.Generator().manual_seed(seed)
    contents = {}
    for part, count in (("train", 40), ("t10k", 20)):
        images = torch.randint(256, (count, 28, 28), dtype=torch.uint8, generator=generator)
        contents[f"{part}-images-idx3-ubyte"] = idx_bytes(images)
        labels = torch.randperm(count, generator=generator) % 10
        contents[f"{part}-labels-idx1-ubyte"] = idx_bytes(labels.byte())
    return contents


def write_files(folder, contents: dict[str, bytes], zipped: bool = False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        path = folder / (name + ".gz" if zipped else name)
        path.write_bytes(gzip.compress(content) if zipped else content)


@pytest.fixture
def published(monkeypatch):
    """Small files instead of the published MNIST and Fashion-MNIST; contents by data set and file name."""
    contents = {"mnist": idx_contents(1), "fashion_mnist": idx_contents(2)}
    for name, files in contents.items():
        sums = {file: hashlib.sha256(content).hexdigest() for file, content in files.items()}
        known = PUBLISHED[name]._replace(sha256=sums, sizes=(40, 20))
        monkeypatch.setitem(PUBLISHED, name, known)
    for file, content in contents["mnist"].items():
        monkeypatch.setitem(IDX_BYTES, file, len(content))
    return contents


def small_set(count: int = 30, classes: int = 3, channels: int = 1, size: int = 8) -> ImageSet:
    generator = torch.Generator().manual_seed(count)
    images = torch.randint(256, (count, channels, size, size), dtype=torch.uint8, generator=generator)
    return ImageSet(images, torch.arange(count) % classes, tuple("abcdefghij"[:classes]))


# --- files in torchvision's layout


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("name", "oracle"),
    [("mnist", torchvision.datasets.MNIST), ("fashion_mnist", torchvision.datasets.FashionMNIST)],
)
def test_idx_files_give_what_torchvision_reads(published, tmp_path, name, oracle, zipped):
    folder = PUBLISHED[name].folder
    write_files(tmp_path / "data" / folder, published[name], zipped)
    write_files(tmp_path / "oracle" / folder, published[name])
    for ours, is_train in zip(data.load(name), (True, False), strict=True):
        theirs = oracle(tmp_path / "oracle", train=is_train, transform=torchvision.transforms.ToTensor())
        assert len(ours) == len(theirs)
        for i in range(len(theirs)):
            assert_close(ours[i][0], theirs[i][0], **exact)
            assert ours[i][1] == theirs[i][1] and isinstance(ours[i][1], int)
    assert data.is_full()


@settings(deadline=None)
@given(shape=st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_read_idx_gives_back_any_tensor(shape):
    values = torch.arange(torch.Size(shape).numel()).reshape(shape).to(torch.uint8)
    assert_close(read_idx(idx_bytes(values)), values, **exact)


def test_class_names_are_torchvisions():
    assert list(PUBLISHED["fashion_mnist"].classes) == torchvision.datasets.FashionMNIST.classes
    theirs = [name.split(" ")[0] for name in torchvision.datasets.MNIST.classes]
    assert list(PUBLISHED["mnist"].classes) == theirs


def test_root_as_an_argument_wins_over_the_environment(published, tmp_path):
    write_files(tmp_path / "elsewhere/MNIST/raw", published["mnist"])
    train, _ = data.load("MNIST", root=tmp_path / "elsewhere")
    assert len(train) == 40 and train.full


def test_a_relative_course_data_is_seen_from_the_project(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_DATA", "../shared/data")
    project = loading.PROJECT
    assert loading._data_folder() == project / "../shared/data"
    monkeypatch.setenv("COURSE_DATA", "")
    assert loading._data_folder() == project / "data"


@pytest.mark.parametrize("file", list(IDX_BYTES))
def test_a_truncated_file_is_refused_and_named(published, tmp_path, file):
    raw = tmp_path / "data/MNIST/raw"
    write_files(raw, published["mnist"])
    (raw / file).write_bytes(published["mnist"][file][:-5])
    with pytest.raises(DataError, match=rf"{file} has [\d,]+ bytes, but [\d,]+ are expected. Delete it"):
        data.load("mnist")


def test_a_truncated_gz_file_is_refused_and_named(published, tmp_path):
    raw = tmp_path / "data/MNIST/raw"
    write_files(raw, published["mnist"], zipped=True)
    broken = raw / "train-images-idx3-ubyte.gz"
    broken.write_bytes(broken.read_bytes()[:-20])
    with pytest.raises(
        DataError, match=r"train-images-idx3-ubyte.gz could not be read to its end.*Delete it"
    ):
        data.load("mnist")


def test_an_empty_file_is_refused(published, tmp_path):
    write_files(tmp_path / "data/MNIST/raw", {file: b"" for file in published["mnist"]})
    with pytest.raises(DataError, match="has 0 bytes"):
        data.load("mnist")


@pytest.mark.parametrize(
    ("name", "other", "title"),
    [("mnist", "fashion_mnist", "Fashion-MNIST"), ("fashion_mnist", "mnist", "MNIST")],
)
def test_swapped_files_are_recognised(published, tmp_path, name, other, title):
    write_files(tmp_path / "data" / PUBLISHED[name].folder, published[other])
    with pytest.raises(DataError, match=rf"it contains {title}'s train-images-idx3-ubyte. Move each file"):
        data.load(name)


def test_training_and_test_files_swapped_are_recognised(published, tmp_path):
    files = published["mnist"]
    swapped = files | {"t10k-labels-idx1-ubyte": files["train-labels-idx1-ubyte"]}
    write_files(tmp_path / "data/MNIST/raw", swapped)
    with pytest.raises(DataError, match="it contains MNIST's train-labels-idx1-ubyte"):
        data.load("mnist")


def test_one_changed_pixel_is_refused(published, tmp_path):
    changed = bytearray(published["mnist"]["t10k-images-idx3-ubyte"])
    changed[100] ^= 1
    write_files(tmp_path / "data/MNIST/raw", published["mnist"] | {"t10k-images-idx3-ubyte": bytes(changed)})
    with pytest.raises(DataError, match="t10k-images-idx3-ubyte is not the published MNIST file"):
        data.load("mnist")


@pytest.fixture
def cifar_files(monkeypatch):
    """Six small CIFAR-10 batches and the class names, with torchvision's MD5 sums replaced by theirs."""
    generator = numpy.random.default_rng(0)
    oracle = torchvision.datasets.CIFAR10
    contents = {"batches.meta": pickle.dumps({"label_names": PUBLISHED["cifar10"].classes})}
    for file, _ in [*oracle.train_list, *oracle.test_list]:
        pixels = generator.integers(256, size=(10, 3072), dtype="uint8")
        contents[file] = pickle.dumps({"data": pixels, "labels": generator.permutation(10).tolist()})
    sums = {
        file: hashlib.md5(content, usedforsecurity=False).hexdigest() for file, content in contents.items()
    }
    for attribute in ("train_list", "test_list"):
        monkeypatch.setattr(oracle, attribute, [[file, sums[file]] for file, _ in getattr(oracle, attribute)])
    monkeypatch.setattr(oracle, "meta", oracle.meta | {"md5": sums["batches.meta"]})
    return contents


def test_cifar10_batches_give_what_torchvision_reads(cifar_files, tmp_path):
    write_files(tmp_path / "data/cifar-10-batches-py", cifar_files)
    for ours, is_train in zip(data.load("cifar10"), (True, False), strict=True):
        theirs = torchvision.datasets.CIFAR10(tmp_path / "data", is_train, torchvision.transforms.ToTensor())
        assert len(ours) == len(theirs) and list(ours.classes) == list(theirs.classes)
        for i in range(len(theirs)):
            assert_close(ours[i][0], theirs[i][0], **exact)
            assert ours[i][1] == theirs[i][1]


def test_a_damaged_cifar10_batch_is_refused_and_named(cifar_files, tmp_path):
    write_files(tmp_path / "data/cifar-10-batches-py", cifar_files | {"data_batch_3": b"half"})
    with pytest.raises(DataError, match="data_batch_3 is truncated or not CIFAR-10's file"):
        data.load("cifar10")


# --- folders of images by class


def write_images(folder, classes=("ant", "bee"), count=3, mode="RGB", size=(9, 7), suffix=".png"):
    generator = numpy.random.default_rng(0)
    for part in ("train", "test"):
        for name in classes:
            (folder / part / name).mkdir(parents=True)
            for i in range(count):
                shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
                pixels = generator.integers(256, size=shape, dtype="uint8")
                Image.fromarray(pixels).save(folder / part / name / f"{i}{suffix}")


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_class_folders_give_what_torchvision_reads(tmp_path, suffix):
    write_images(tmp_path / "insects", ("wasp", "ant", "bee"), suffix=suffix)
    (tmp_path / "insects/train/ant/notes.txt").write_text("not an image", encoding="utf-8")
    to_tensor = torchvision.transforms.ToTensor()
    for ours, part in zip(data.load(str(tmp_path / "insects")), ("train", "test"), strict=True):
        theirs = torchvision.datasets.ImageFolder(tmp_path / "insects" / part, to_tensor)
        assert list(ours.classes) == theirs.classes and len(ours) == len(theirs)
        for i in range(len(theirs)):
            assert_close(ours[i][0], theirs[i][0], **exact)
            assert ours[i][1] == theirs[i][1]


def test_a_folder_of_grey_images_has_one_channel(tmp_path):
    write_images(tmp_path / "grey", mode="L")
    assert data.load(tmp_path / "grey")[0].images.shape == (6, 1, 7, 9)


def test_one_coloured_image_makes_the_whole_set_rgb(tmp_path):
    write_images(tmp_path / "mixed", mode="L")
    Image.new("RGB", (9, 7), "red").save(tmp_path / "mixed/test/bee/1.png")
    train, test = data.load(tmp_path / "mixed")
    assert train.images.shape == test.images.shape == (6, 3, 7, 9)
    assert test.images[4, :, 0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("folders", [tuple("0123456789"), PUBLISHED["fashion_mnist"].classes])
def test_folders_of_a_known_set_get_its_order_and_names(tmp_path, folders):
    known = PUBLISHED["fashion_mnist"].classes
    write_images(
        tmp_path / "data/fashion_mnist", [name.replace("/", "_") for name in folders], 1, "L", (28, 28)
    )
    train, _ = data.load("fashion_mnist")
    assert train.classes == known
    folder = tmp_path / "data/fashion_mnist/train" / folders[0].replace("/", "_")
    shirt = torch.from_numpy(numpy.array(Image.open(folder / "0.png")))
    assert_close(train.images[0, 0], shirt, **exact)
    assert train.labels[0] == 0


def test_a_part_of_cifar10_as_class_folders_is_not_the_full_set(tmp_path):
    write_images(tmp_path / "data/cifar10", PUBLISHED["cifar10"].classes, 1, size=(32, 32))
    train, _ = data.load("cifar10")
    assert not train.full and not data.is_full()


def test_a_folder_may_lie_in_the_data_folder(tmp_path):
    write_images(tmp_path / "data/insects")
    assert data.load("insects")[0].name == "insects, training"


def test_large_files_are_decoded_in_their_order(tmp_path):
    write_images(tmp_path / "photos", count=8, size=(100, 90))
    ours = data.load(tmp_path / "photos")[0]
    theirs = torchvision.datasets.ImageFolder(tmp_path / "photos/train", v2.PILToTensor())
    assert_close(ours.images, torch.stack([image for image, _ in theirs]), **exact)


def test_an_empty_class_folder_is_named(tmp_path):
    write_images(tmp_path / "insects")
    (tmp_path / "insects/train/wasp").mkdir()
    with pytest.raises(DataError, match=r"class folder .*wasp contains no image"):
        data.load(tmp_path / "insects")


def test_a_missing_test_folder_is_named(tmp_path):
    (tmp_path / "insects/train/ant").mkdir(parents=True)
    Image.new("L", (4, 4)).save(tmp_path / "insects/train/ant/0.png")
    with pytest.raises(DataError, match=r"no folder .*test. The expected folders are train/<class>"):
        data.load(tmp_path / "insects")


def test_a_folder_without_class_folders_is_named(tmp_path):
    (tmp_path / "insects/train").mkdir(parents=True)
    with pytest.raises(DataError, match="contains no class folders"):
        data.load(tmp_path / "insects")


def test_classes_that_differ_between_train_and_test_are_named(tmp_path):
    write_images(tmp_path / "insects")
    (tmp_path / "insects/test/bee").rename(tmp_path / "insects/test/wasp")
    with pytest.raises(DataError, match="same classes in train and in test; only one of them has bee, wasp"):
        data.load(tmp_path / "insects")


def test_a_damaged_image_is_named(tmp_path):
    write_images(tmp_path / "insects")
    broken = tmp_path / "insects/test/ant/2.png"
    broken.write_bytes(broken.read_bytes()[:40])
    with pytest.raises(DataError, match=r"2.png could not be read as an image"):
        data.load(tmp_path / "insects")


def test_images_of_two_sizes_are_named(tmp_path):
    write_images(tmp_path / "insects")
    Image.new("RGB", (5, 6)).save(tmp_path / "insects/test/bee/1.png")
    with pytest.raises(DataError, match=r"0.png has 9×7 pixels, .*1.png has 5×6. Resize"):
        data.load(tmp_path / "insects")


# --- names and fractions


@pytest.mark.parametrize(("name", "guess"), [("fashon_mnist", "'fashion_mnist'"), ("cifar", "'cifar10'")])
def test_an_unknown_name_gets_a_guess_and_the_known_names(name, guess):
    with pytest.raises(
        DataError, match=rf"called '{name}'. Did you mean {guess}\? The known ones are mnist, fashion_mnist"
    ):
        data.load(name)


def test_an_unknown_folder_is_told_how_a_folder_must_look():
    with pytest.raises(
        DataError, match=r"a folder of your own must contain train/<class>/\* and test/<class>/\*"
    ):
        data.load("holiday photos")


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "half", "nan", "5%"])
def test_a_bad_fraction_says_what_is_expected(monkeypatch, value):
    monkeypatch.setenv("COURSE_FRACTION", value)
    with pytest.raises(
        DataError, match=rf"COURSE_FRACTION must be a number above 0 and at most 1.*'{value}'"
    ):
        data.load("mnist")


def test_a_bad_fraction_argument_is_refused_too():
    with pytest.raises(DataError, match="fraction must be a number above 0 and at most 1"):
        data.load("mnist", fraction=2)


@pytest.mark.parametrize(("value", "expected"), [(None, 1), ("", 1), ("1", 1), ("0.05", 0.05)])
def test_fraction_reads_the_environment(monkeypatch, value, expected):
    if value is not None:
        monkeypatch.setenv("COURSE_FRACTION", value)
    assert data.fraction() == expected


@settings(deadline=None)
@given(labels=st.lists(st.integers(0, 4), min_size=1, max_size=60), share=st.floats(0.001, 1))
def test_first_share_takes_the_first_of_each_class_in_order(labels, share):
    labels = torch.tensor(labels)
    index = first_share(labels, share)
    assert index.tolist() == sorted(set(index.tolist()))
    for label in labels.unique():
        members = torch.nonzero(labels == label).flatten()
        chosen = index[labels[index] == label]
        assert len(chosen) == max(1, round(share * len(members)))
        assert_close(chosen, members[: len(chosen)], **exact)


def test_a_fraction_is_the_same_for_files_and_by_argument(published, monkeypatch, tmp_path):
    write_files(tmp_path / "data/MNIST/raw", published["mnist"])
    by_argument = data.load("mnist", fraction=0.5)[0]
    assert torch.bincount(by_argument.labels).tolist() == [2] * 10
    monkeypatch.setenv("COURSE_FRACTION", "0.5")
    assert_close(data.load("mnist")[0].images, by_argument.images, **exact)
    assert not by_argument.full


def test_a_fraction_of_class_folders_is_the_first_files(tmp_path):
    write_images(tmp_path / "insects", count=4)
    whole, half = data.load(tmp_path / "insects")[1], data.load(tmp_path / "insects", fraction=0.5)[1]
    assert_close(half.images, whole.images[[0, 1, 4, 5]], **exact)


def test_is_full_turns_false_once_a_part_was_handed_out(published, tmp_path):
    write_files(tmp_path / "data/MNIST/raw", published["mnist"])
    train, _ = data.load("mnist")
    assert train.full and data.is_full()
    data.load("mnist", fraction=0.5)
    data.load("mnist")
    assert not data.is_full()


def test_is_full_is_false_while_a_fraction_is_set(monkeypatch):
    monkeypatch.setenv("COURSE_FRACTION", "0.1")
    assert not data.is_full()


# --- downloads


class Server(http.server.ThreadingHTTPServer):
    """Serves bytes by path on this machine; ``stall`` makes it fall silent in the middle of a file."""

    def __init__(self, contents: dict[str, bytes]):
        self.contents, self.stall, self.requests, self.done = contents, False, 0, threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests += 1
        content = self.server.contents.get(self.path.lstrip("/"))
        if content is None:
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        self.wfile.flush()
        if self.server.stall:
            return self.server.done.wait(30)
        self.wfile.write(content[len(content) // 2 :])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(published, monkeypatch):
    """A mirror of MNIST on this machine."""
    zipped = {f"{file}.gz": gzip.compress(content) for file, content in published["mnist"].items()}
    server = Server(zipped)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    oracle = torchvision.datasets.MNIST
    monkeypatch.setattr(oracle, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
    sums = [
        (file, hashlib.md5(content, usedforsecurity=False).hexdigest()) for file, content in zipped.items()
    ]
    monkeypatch.setattr(oracle, "resources", sums)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield server
    server.done.set()
    server.shutdown()
    server.server_close()
    with warnings.catch_warnings():
        # urllib leaves the socket of a download that failed to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def files_below(folder) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_a_download_is_verified_and_moved_into_place(server, published, tmp_path):
    train, test = data.load("mnist")
    assert train.full and len(train) == 40 and len(test) == 20
    assert files_below(tmp_path / "data") == sorted(["MNIST", "raw", *published["mnist"]])
    requests = server.requests
    again, _ = data.load("mnist")
    assert_close(again.images, train.images, **exact)
    assert server.requests == requests


def test_a_download_with_other_content_is_not_used(server, monkeypatch, tmp_path):
    wrong = gzip.compress(idx_contents(3)["train-images-idx3-ubyte"])
    server.contents["train-images-idx3-ubyte.gz"] = wrong
    name = "train-images-idx3-ubyte.gz"
    md5 = hashlib.md5(wrong, usedforsecurity=False).hexdigest()
    resources = [(file, md5 if file == name else sum_) for file, sum_ in torchvision.datasets.MNIST.resources]
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", resources)
    with pytest.warns(
        UserWarning, match=r"the downloaded files are not the published ones \(wrong SHA-256\)"
    ):
        train, _ = data.load("mnist")
    assert not train.full and files_below(tmp_path / "data") == []


def test_a_stalled_download_is_given_up(server, monkeypatch, tmp_path):
    server.stall = True
    monkeypatch.setattr(downloads, "PATIENCE", 1)
    with pytest.warns(UserWarning, match="no data arrived for 1 seconds"):
        train, _ = data.load("mnist")
    assert "stand-in" in train.source and files_below(tmp_path / "data") == []


def test_a_missing_file_on_the_server_gives_the_standin(server, tmp_path):
    del server.contents["t10k-labels-idx1-ubyte.gz"]
    with pytest.warns(UserWarning, match="HTTP Error 404"):
        train, _ = data.load("mnist")
    assert not train.full and files_below(tmp_path / "data") == []


def test_no_network_gives_one_warning_and_the_standin(no_network):
    with pytest.warns(UserWarning) as caught:
        train, test = data.load("mnist")
    assert len(caught) == 1
    message = str(caught[0].message)
    assert "MNIST is not in the data folder and was not downloaded" in message and "stand-in" in message
    assert "stand-in" in train.source and not train.full and not test.full and not data.is_full()
    assert train.images.shape[1:] == (1, 28, 28)


def test_a_failed_download_is_tried_again_only_after_a_reset(no_network):
    for _ in range(3):
        with pytest.warns(UserWarning, match="Name or service not known"):
            data.load("mnist")
    assert len(no_network) == 1
    data.session.reset()
    assert data.is_full()
    with pytest.warns(UserWarning, match="Name or service not known"):
        data.load("mnist")
    assert len(no_network) == 2


def test_files_in_another_folder_than_torchvisions_are_told_the_right_one(published, no_network, tmp_path):
    write_files(tmp_path / "data/MNIST", published["mnist"])
    with pytest.warns(UserWarning, match="Its files are expected in .*MNIST.raw. You get a stand-in"):
        data.load("mnist")


@pytest.mark.parametrize(
    "name", ["FashionMNIST", "Fashion-MNIST", "fashion mnist", "FASHION_MNIST", "fashion_mnist"]
)
def test_a_data_set_is_known_by_all_spellings_of_its_name(name, published, tmp_path):
    write_files(tmp_path / "data/FashionMNIST/raw", published["fashion_mnist"])
    assert data.load(name)[0].name == "Fashion-MNIST, training"


def test_course_download_0_never_touches_the_network(no_network, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DOWNLOAD", "0")
    with pytest.warns(UserWarning, match="COURSE_DOWNLOAD=0 forbids it"):
        data.load("cifar10")
    assert not no_network and not (tmp_path / "data").exists()


def test_a_standin_is_never_stored(no_network, tmp_path):
    with pytest.warns(UserWarning):
        data.load("fashion_mnist")
    assert files_below(tmp_path / "data") == []


def test_three_of_four_files_are_not_enough(published, no_network, tmp_path):
    files = dict(list(published["mnist"].items())[:3])
    write_files(tmp_path / "data/MNIST/raw", files)
    with pytest.warns(UserWarning, match="stand-in"):
        train, _ = data.load("mnist")
    assert not train.full


def test_a_data_folder_that_cannot_be_written_is_named(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"data folder .*file cannot be written .*COURSE_DOWNLOAD=0"):
        data.load("mnist")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="here no folder refuses to be written")
def test_a_read_only_data_folder_is_named(monkeypatch, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "locked"))
    with pytest.raises(DataError, match="cannot be written .*Permission denied"):
        data.load("mnist")


# --- ImageSet


@settings(deadline=None)
@given(count=st.integers(1, 20), channels=st.sampled_from([1, 3]), chosen=st.data())
def test_batch_equals_to_tensor_of_each_image(count, channels, chosen):
    images = small_set(count, channels=channels)
    index = torch.tensor(chosen.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=10)))
    x, y = images.batch(index)
    to_tensor = torchvision.transforms.ToTensor()
    pixels = [images.images[i].permute(1, 2, 0).numpy() for i in index]
    assert_close(x, torch.stack([to_tensor(image) for image in pixels]), **exact)
    assert_close(y, images.labels[index], **exact)
    assert x.dtype == torch.float32 and y.dtype == torch.int64


def test_slices_give_batches_and_leave_the_images_alone():
    images = small_set()
    before = images.images.clone()
    for x, y in (images.batch(slice(3, 8)), images[3:8]):
        assert_close(x, torch.stack([images[i][0] for i in range(3, 8)]), **exact)
        assert y.tolist() == [images[i][1] for i in range(3, 8)]
        x.zero_()
    assert_close(images.images, before, **exact)


def test_a_set_can_be_iterated_and_ends():
    images = small_set(7)
    assert len(list(images)) == len(images) == 7


@pytest.mark.parametrize("workers", [0, 2])
def test_a_dataloader_returns_the_images_with_spawned_workers_too(workers):
    images = small_set(20)
    context = {"multiprocessing_context": "spawn"} if workers else {}
    loader = torch.utils.data.DataLoader(images, batch_size=8, num_workers=workers, **context)
    x, y = (torch.cat(part) for part in zip(*loader, strict=True))
    assert_close(x, images.batch(slice(None))[0], **exact)
    assert_close(y, images.labels, **exact)


def test_pickling_keeps_everything():
    images = small_set()
    copy = pickle.loads(pickle.dumps(images))
    assert repr(copy) == repr(images)
    assert_close(copy.images, images.images, **exact)


@settings(deadline=None)
@given(
    height=st.integers(4, 40), width=st.integers(4, 40), channels=st.sampled_from([1, 3]),
    size=st.one_of(st.integers(2, 70), st.tuples(st.integers(2, 70), st.integers(2, 70))),
)  # fmt: skip
def test_resized_equals_torchvisions_resize_bit_for_bit(height, width, channels, size):
    pixels = torch.randint(256, (3, channels, height, width), dtype=torch.uint8)
    ours = ImageSet(pixels, torch.zeros(3, dtype=torch.int64), ("a",)).resized(size)
    theirs = v2.Resize(size if isinstance(size, int) else list(size), antialias=True)
    assert ours.images.dtype == torch.uint8
    # The same whether all images are resized at once or one by one.
    assert_close(ours.images, theirs(pixels), **exact)
    assert_close(ours.images, torch.stack([theirs(image) for image in pixels]), **exact)


def test_resized_28_to_32_equals_the_resize_of_pil_images():
    images = small_set(20, size=28)
    to_pil, resize = v2.ToPILImage(), v2.Resize(32)
    theirs = torch.stack([v2.functional.pil_to_tensor(resize(to_pil(image))) for image in images.images])
    assert_close(images.resized(32).images, theirs, **exact)


def test_only_keeps_the_classes_in_the_order_given():
    images = small_set(30)
    chosen = images.only("c", "a")
    assert chosen.classes == ("c", "a") and len(chosen) == 20
    assert_close(chosen.images, images.images[images.labels != 1], **exact)
    names = [images.classes[label] for label in images.labels if label != 1]
    assert [chosen.classes[label] for label in chosen.labels] == names


@pytest.mark.parametrize("names", [(), ("z",), ("a", "a")])
def test_only_refuses_unknown_repeated_or_no_names(names):
    with pytest.raises(DataError, match=r"one or more different classes of a, b, c; got"):
        small_set().only(*names)


@settings(deadline=None)
@given(
    labels=st.lists(st.integers(0, 3), min_size=2, max_size=80),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 99),
)
def test_split_is_stratified_complete_and_repeatable(labels, share, seed):
    count = len(labels)
    # The first two pixels of each image say which one it is.
    pixels = torch.zeros(count, 1, 1, 2, dtype=torch.uint8)
    pixels[:, 0, 0, 0] = torch.arange(count)
    images = ImageSet(pixels, torch.tensor(labels), tuple("abcd"))
    rest, part = images.split(share, seed)
    numbers = [piece.images[:, 0, 0, 0].tolist() for piece in (rest, part)]
    assert sorted(numbers[0] + numbers[1]) == list(range(count))
    assert numbers == [sorted(piece) for piece in numbers]
    assert len(part) == round(share * count)
    for label in range(4):
        wanted = share * labels.count(label)
        assert abs((part.labels == label).sum() - wanted) < 1
    assert_close(images.split(share, seed)[1].images, part.images, **exact)


def test_split_with_another_seed_is_another_split():
    images = small_set(60)
    assert not torch.equal(images.split(0.5, seed=0)[1].images, images.split(0.5, seed=1)[1].images)


@pytest.mark.parametrize("share", [0, 1, -0.5, 20])
def test_split_refuses_a_share_that_is_none(share):
    with pytest.raises(DataError, match="split.. takes a fraction between 0 and 1"):
        small_set().split(share)


@pytest.mark.parametrize("share", [0.1, 1 / 3, 0.5])
def test_a_sample_is_the_part_of_a_split(share):
    images = small_set(60)
    part = images.split(share, seed=3)[1]
    assert_close(images.sample(share, seed=3).images, part.images, **exact)
    assert_close(images.sample(count=len(part), seed=3).images, part.images, **exact)


def test_a_sample_of_everything_is_the_whole_set():
    images = small_set(60)
    for whole in (images.sample(1), images.sample(1.0), images.sample(count=60), images.sample(count=500)):
        assert_close((whole.images, whole.labels), (images.images, images.labels), **exact)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "a fraction or a count"),
        ({"fraction": 0.1, "count": 5}, "a fraction or a count"),
        ({"fraction": 0}, "above 0 and at most 1, got 0"),
        ({"fraction": 500}, "above 0 and at most 1, got 500. For a number use count="),
        ({"count": 0}, "positive integer, got 0"),
        ({"count": 0.5}, "positive integer, got 0.5"),
    ],
)
def test_a_sample_of_an_impossible_size_is_refused(arguments, message):
    with pytest.raises(DataError, match=message):
        small_set().sample(**arguments)


@pytest.mark.parametrize(
    ("index", "numbers"),
    [
        (slice(2, 12, 3), [2, 5, 8, 11]),
        ([4, 1, 1], [4, 1, 1]),
        ([], []),
        (torch.tensor([4, -1]), [4, 29]),
        (torch.arange(30) % 10 == 2, [2, 12, 22]),
    ],
)
def test_a_subset_holds_the_chosen_images_in_the_order_given(index, numbers):
    images = small_set(30)
    part = images.subset(index)
    assert part.labels.tolist() == [int(images.labels[i]) for i in numbers]
    assert_close(list(part.images), [images.images[i] for i in numbers], **exact)
    assert part.classes == images.classes


def test_other_images_or_labels_leave_the_rest_as_it_was():
    images = small_set(30)
    inverted, shuffled = images.with_images(255 - images.images), images.with_labels(images.labels.flip(0))
    assert inverted.labels is images.labels and shuffled.images is images.images
    assert inverted.classes == shuffled.classes == images.classes
    with pytest.raises(DataError, match=r"int64 of shape \(30,\)"):
        images.with_labels(images.labels[:3])


def test_a_part_of_the_whole_data_set_is_not_called_full():
    whole = dataclasses.replace(small_set(30), full=True)
    assert whole.full and whole.subset(slice(None)).full and whole.sample(1).full
    parts = [whole.subset(slice(5)), whole.only("a"), whole.sample(0.5), *whole.split(0.5)]
    assert not any(part.full for part in parts)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_set_on_the_gpu_gives_the_same_batches_there():
    images = small_set()
    assert images.to("cuda").classes == images.classes and not images.images.is_cuda
    index = torch.tensor([5, 1, 7])
    x, y = images.to("cuda").resized(12).split(0.5)[0].only("a", "b").batch(index)
    assert x.is_cuda and y.is_cuda
    expected = images.resized(12).split(0.5)[0].only("a", "b").batch(index)
    assert_close((x.cpu(), y.cpu()), expected, **exact)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (torch.zeros(2, 1, 4, 4), torch.zeros(2).long(), r"uint8 of shape \(N, C, H, W\); got torch.float32"),
        (torch.zeros(2, 4, 4).byte(), torch.zeros(2).long(), r"got torch.uint8 of shape \(2, 4, 4\)"),
        (torch.zeros(2, 1, 4, 4).byte(), torch.zeros(3).long(), r"int64 of shape \(2,\)"),
        (torch.zeros(2, 1, 4, 4).byte(), torch.zeros(2), r"int64 of shape \(2,\).*torch.float32"),
        (
            torch.zeros(2, 1, 4, 4).byte(),
            torch.tensor([0, 2]),
            "between 0 and 1, as there are 2 classes; got 0 to 2",
        ),
        (torch.zeros(2, 1, 4, 4).byte(), torch.tensor([-1, 0]), "got -1 to 0"),
    ],
)
def test_wrong_tensors_are_explained(images, labels, message):
    with pytest.raises(DataError, match=message):
        ImageSet(images, labels, ("a", "b"))


def test_a_set_describes_itself(published, tmp_path):
    write_files(tmp_path / "data/FashionMNIST/raw", published["fashion_mnist"])
    train, test = data.load("fashion_mnist")
    text, page = repr(train), train._repr_html_()
    for fact in (
        "Fashion-MNIST, training",
        "40 of 28×28, grey",
        "10: T-shirt/top, Trouser",
        "Fashion-MNIST, verified",
    ):
        assert fact in text and fact in page
    assert str(tmp_path) not in text and str(tmp_path) not in page
    assert "Fashion-MNIST, test" in repr(test)


def test_html_is_escaped():
    images = ImageSet(torch.zeros(1, 1, 2, 2).byte(), torch.zeros(1).long(), ("<b>",), "<i>")
    assert "<b>" not in images._repr_html_() and "<i>" not in images._repr_html_()


def test_importing_the_module_loads_nothing_heavy():
    heavy = "{'torchvision', 'matplotlib', 'sklearn', 'pandas', 'PIL', 'scipy'}"
    code = f"import sys, course_utils.data; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=loading.PROJECT)
    assert done.stdout.strip() == "[]", done.stderr


def test_loading_real_files_warns_of_nothing(published, tmp_path):
    write_files(tmp_path / "data/MNIST/raw", published["mnist"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data.load("mnist")
