"""The files that a data set will load are found in what it holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nbtrack.capture.surroundings import dataset_files
from nbtrack.capture.surroundings.dataset_files import paths_of


@pytest.fixture
def images(tmp_path: Path) -> list[str]:
    folder = tmp_path / "images"
    folder.mkdir()
    paths = [folder / f"{number:03}.png" for number in range(40)]
    for path in paths:
        path.write_bytes(b"png")
    return [str(path) for path in paths]


class Holder:
    def __init__(self, **held: object) -> None:
        vars(self).update(held)


def test_lists_of_paths_of_all_kinds_are_understood(images):
    everything = set(images)
    labels = [number % 3 for number in range(len(images))]
    records = [{"label": 1, "file": path} for path in images]
    for held in (
        images,
        tuple(images),
        [Path(path) for path in images],
        list(zip(images, labels, strict=True)),
        list(zip(labels, images, strict=True)),
        records,
        dict(zip(images, labels, strict=True)),
        np.array(images),
        np.array(images, dtype=object),
        pd.DataFrame({"label": labels, "path": images}),
        pd.Series(images),
    ):
        assert paths_of(Holder(samples=held, size=3)) == everything, type(held)
        assert paths_of(held) == everything, type(held)


def test_names_are_looked_for_in_the_folder_that_another_attribute_names(images, tmp_path):
    names = [Path(path).name for path in images]
    labels = pd.DataFrame({"name": names, "label": 0})
    folder = str(tmp_path / "images")
    assert paths_of(Holder(img_labels=labels, img_dir=folder)) == set(images)
    assert paths_of(Holder(img_labels=labels, img_dir=Path(folder))) == set(images)
    assert paths_of(Holder(img_labels=labels)) == set()


def test_data_sets_in_data_sets_are_looked_into(images):
    inner = Holder(samples=images[:10])
    other = Holder(samples=images[10:])
    assert paths_of(Holder(dataset=Holder(datasets=[inner, other]))) == set(images)


def test_torchs_own_wrappers_are_looked_into(images):
    from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset

    class Files(Dataset):
        def __init__(self, paths: list[str]) -> None:
            self.paths = paths

        def __getitem__(self, index: int) -> str:
            raise AssertionError("nothing is to be loaded")

        def __len__(self) -> int:
            return len(self.paths)

    loader = DataLoader(ConcatDataset([Subset(Files(images[:5]), [0]), Files(images[5:])]))
    assert paths_of(loader) == set(images)


def test_a_missing_file_among_them_does_not_hide_the_others(images):
    assert paths_of(["missing.png", *images]) == set(images)


def test_data_without_files_gives_none(tmp_path):
    for held in (
        list(range(1000)),
        ["a sentence", "another one"] * 500,
        np.zeros((100, 3)),
        pd.DataFrame({"x": [1.0, 2.0], "class": ["cat", "dog"]}),
        None,
        str(tmp_path),
    ):
        assert paths_of(Holder(data=held)) == set()


def test_an_object_that_misbehaves_or_holds_itself_does_no_harm(images):
    class Bad:
        @property
        def __dict__(self):
            raise RuntimeError("no")

    circle = Holder(samples=images, bad=Bad())
    circle.myself = circle
    assert paths_of(circle) == set(images)
    assert paths_of(Bad()) == set()


def test_the_number_of_paths_is_bounded(images, monkeypatch):
    monkeypatch.setattr(dataset_files, "MAX_PATHS", 7)
    assert len(paths_of(images)) == 7
