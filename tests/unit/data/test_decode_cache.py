"""The cache of decoded images: what a load returns is always what decoding the files now would return."""

import os
import pickle
import shutil
import sys
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from course_utils import data
from course_utils.data import DataError, class_folders, decode_cache

exact = {"rtol": 0, "atol": 0}


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """Each test: an empty cache folder, and small sets are worth keeping too."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("COURSE_FRACTION", raising=False)
    monkeypatch.setattr(decode_cache, "WORTH_KEEPING", 1)
    data.session.reset()
    return tmp_path / "cache"


def write_image(path: Path, seed: int, mode: str = "RGB") -> None:
    """A random image; BMP files of one size have all the same number of bytes."""
    shape = (5, 6, 3) if mode == "RGB" else (5, 6)
    pixels = numpy.random.default_rng(seed).integers(256, size=shape, dtype="uint8")
    Image.fromarray(pixels).save(path)


@pytest.fixture
def insects(tmp_path):
    """Two classes of four images each, for training and for testing."""
    for part in ("train", "test"):
        for name in ("ant", "bee"):
            folder = tmp_path / "insects" / part / name
            folder.mkdir(parents=True)
            for i in range(4):
                write_image(folder / f"{i}.bmp", seed=len(list(tmp_path.rglob("*.bmp"))))
    return tmp_path / "insects"


@pytest.fixture
def decoded(monkeypatch):
    """The paths that were decoded, in their order."""
    paths, decode_one = [], class_folders._decode_one
    monkeypatch.setattr(class_folders, "_decode_one", lambda p: (paths.append(p), decode_one(p))[1])
    return paths


def load(folder, share=1):
    """Training and test images and their labels, through the cache."""
    train, test = data.load(str(folder), fraction=share)
    return train.images, train.labels, test.images, test.labels


def load_anew(folder, monkeypatch, share=1):
    """The same without the cache: the oracle."""
    with monkeypatch.context() as patch:
        patch.setattr(decode_cache, "WORTH_KEEPING", 10**9)
        return load(folder, share)


def test_the_second_load_decodes_nothing_and_is_the_same(insects, decoded, monkeypatch):
    first = load(insects)
    decoded.clear()
    assert_close(load(insects), first, **exact)
    assert decoded == []
    assert_close(load_anew(insects, monkeypatch), first, **exact)


def test_nothing_is_written_among_the_images(insects):
    before = sorted(insects.rglob("*"))
    load(insects)
    assert sorted(insects.rglob("*")) == before


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="here no folder refuses to be written")
def test_a_read_only_folder_of_images_is_cached_too(insects, decoded):
    folders = [insects, *(path for path in insects.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o500)
    load(insects)
    decoded.clear()
    load(insects)
    assert decoded == []
    for path in folders:
        path.chmod(0o700)


def new_pixels(folder):
    write_image(folder / "train/bee/2.bmp", seed=99)


def new_pixels_with_the_old_time(folder):
    path = folder / "train/bee/2.bmp"
    times = path.stat()
    write_image(path, seed=99)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def one_more(folder):
    write_image(folder / "test/ant/9.bmp", seed=99)


def one_fewer(folder):
    (folder / "train/ant/0.bmp").unlink()


def two_swapped(folder):
    a, b, c = (folder / f"train/ant/{name}.bmp" for name in ("0", "1", "c"))
    a.rename(c), b.rename(a), c.rename(b)


def another_class(folder):
    for part in ("train", "test"):
        (folder / part / "bee").rename(folder / part / "aardvark")  # now the first


@pytest.mark.parametrize(
    "change", [new_pixels, new_pixels_with_the_old_time, one_more, one_fewer, two_swapped, another_class]
)
def test_a_changed_folder_is_decoded_anew(insects, monkeypatch, change):
    if change is new_pixels_with_the_old_time and os.name == "nt":
        pytest.skip("Windows keeps no time that a program cannot set")
    before = load(insects)
    change(insects)
    after = load(insects)
    assert_close(after, load_anew(insects, monkeypatch), **exact)
    assert_close(load(insects), after, **exact)
    same_size = [a.shape == b.shape for a, b in zip(before, after, strict=True)]
    assert not all(same_size) or not all(map(torch.equal, before, after))


def test_a_stale_cache_is_replaced_not_kept_beside_the_new_one(insects, cache):
    load(insects)
    new_pixels(insects)
    load(insects)
    assert len(list(cache.iterdir())) == 1


class Attack:
    """Unpickling this creates a file: code that a cache from elsewhere could carry."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole, evil: b"",
        lambda whole, evil: b"no cache at all",
        lambda whole, evil: whole[:100],
        lambda whole, evil: whole[:-1],
        lambda whole, evil: whole[: len(whole) // 2],
        lambda whole, evil: pickle.dumps({"pixels": Attack(evil)}, protocol=2),
        lambda whole, evil: pickle.dumps(["another", "thing"], protocol=2),
    ],
)
def test_a_damaged_cache_is_made_anew_and_never_run(insects, cache, decoded, tmp_path, damage):
    first = load(insects)
    (file,) = cache.iterdir()
    file.write_bytes(damage(file.read_bytes(), tmp_path / "evil"))
    assert_close(load(insects), first, **exact)
    decoded.clear()
    assert_close(load(insects), first, **exact)
    assert decoded == [] and not (tmp_path / "evil").exists()


def test_a_cache_of_another_kind_is_made_anew(insects, cache):
    first = load(insects)
    (file,) = cache.iterdir()
    torch.save({"another": torch.zeros(3)}, file)
    assert_close(load(insects), first, **exact)


def test_a_folder_that_cannot_be_written_is_a_warning(insects, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="could not be saved .* COURSE_CACHE"):
        images = load(insects)
    assert_close(images, load_anew(insects, monkeypatch), **exact)


def test_a_disk_that_fills_up_leaves_the_old_cache_and_no_rest(insects, cache, monkeypatch):
    load(insects)
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    new_pixels(insects)

    def half(content, target):
        target.write_bytes(b"half a file")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", half)
    with pytest.warns(UserWarning, match="No space left"):
        load(insects)
    assert [path.read_bytes() for path in cache.iterdir()] == [whole]


def test_an_image_that_cannot_be_read_is_named_and_nothing_is_kept(insects, cache):
    (insects / "test/bee/3.bmp").write_bytes(b"no image")
    with pytest.raises(DataError, match="3.bmp could not be read"):
        load(insects)
    assert not cache.exists()


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_to_nothing_is_named(insects):
    (insects / "train/ant/9.bmp").symlink_to(insects / "gone.bmp")
    with pytest.raises(DataError, match="9.bmp could not be read"):
        load(insects)


def test_each_share_has_its_own_cache_with_the_same_images(insects, cache, decoded):
    whole, half = load(insects), load(insects, share=0.5)
    assert_close(half[0], whole[0][[0, 1, 4, 5]], **exact)
    decoded.clear()
    assert_close((load(insects), load(insects, share=0.5)), (whole, half), **exact)
    assert decoded == [] and len(list(cache.iterdir())) == 2


def test_a_copy_of_the_folder_has_a_cache_of_its_own(insects, cache, tmp_path):
    shutil.copytree(insects, tmp_path / "copy/insects")
    new_pixels(tmp_path / "copy/insects")
    first, second = load(insects), load(tmp_path / "copy/insects")
    assert not torch.equal(first[0], second[0])
    assert len(list(cache.iterdir())) == 2


def test_grey_images_stay_grey(insects, monkeypatch):
    for path in insects.rglob("*.bmp"):
        write_image(path, seed=1, mode="L")
    assert load(insects)[0].shape == load(insects)[0].shape == (8, 1, 5, 6)


def test_few_files_are_not_worth_a_cache(insects, cache, monkeypatch):
    load_anew(insects, monkeypatch)
    assert not cache.exists()


@pytest.mark.parametrize(
    ("system", "variable", "below"),
    [
        ("linux", None, ".cache"),
        ("linux", "XDG_CACHE_HOME", "elsewhere"),
        ("darwin", None, "Library/Caches"),
        ("win32", None, "AppData/Local"),
        ("win32", "LOCALAPPDATA", "elsewhere"),
    ],
)
def test_the_folder_is_where_the_system_keeps_caches(monkeypatch, tmp_path, system, variable, below):
    for name in ("COURSE_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for home in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(home, str(tmp_path))
    monkeypatch.setattr(sys, "platform", system)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / below))
    assert decode_cache.cache_folder() == tmp_path / below / "pytorch-course"


def test_a_user_without_a_home_gets_a_folder_too(monkeypatch):
    for name in ("COURSE_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)

    def no_home(path):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", no_home)
    assert decode_cache.cache_folder().is_absolute()
