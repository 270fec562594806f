"""``profile`` against torch's counter and torchvision's published figures, for all its classification networks."""

import copy

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models as classics
from torchvision.models import regnet

from course_utils.complexity import profile


@pytest.fixture
def regnets_on_meta(monkeypatch):
    """RegNets compute their widths with tensors, which must have values even if the parameters have none."""
    widths = regnet.BlockParams.from_init_params.__func__

    def with_values(cls, *args, **options):
        with torch.device("cpu"):
            return widths(cls, *args, **options)

    monkeypatch.setattr(regnet.BlockParams, "from_init_params", classmethod(with_values))


def on_meta(name, weights):
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    if name.startswith("vit"):
        options["image_size"] = weights.transforms().crop_size[0]
    with torch.device("meta"):
        return classics.get_model(name, weights=None, **options)


@pytest.mark.slow
@pytest.mark.parametrize("name", classics.list_models(module=classics))
def test_costs_are_those_published(name, regnets_on_meta):
    weights = classics.get_model_weights(name).DEFAULT
    model, shape = on_meta(name, weights), (3, *2 * weights.transforms().crop_size)
    result = profile(model, shape)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        copy.deepcopy(model).eval()(torch.ones(1, *shape, device="meta"))
    assert result.macs == counter.get_total_flops() // 2
    assert result.costs.uncounted == () and "at least" not in repr(result)
    assert round(result.macs / 1e9, 3) == weights.meta["_ops"]
    # those of Inception v3 are in the published number of parameters, those of GoogLeNet are not
    auxiliary = sum(p.numel() for n, p in model.named_parameters() if n.startswith("aux"))
    assert result.parameters - auxiliary == weights.meta["num_params"]
