"""AlexNet, VGG, GoogLeNet and ResNet against torchvision's: the same weights give the same outputs."""

from collections import OrderedDict
from functools import partial

import pytest
import torch
import torchvision.models as theirs
from torch import nn
from torchvision.models import resnet as tv_resnet
from torchvision.models.googlenet import Inception as TorchvisionInception

from course_utils.models import VGG, AlexNet, GoogLeNet, ResNet, SmallResNet, vgg_for_32x32
from course_utils.models.googlenet import TABLE, Inception, from_torchvision
from course_utils.models.resnet import BasicBlock, Bottleneck

GOOGLENET = {"init_weights": False, "aux_logits": False}


def drawn(build, seed=0):
    """A model whose every tensor is drawn here: no bias is 0, no running mean 0, no running variance 1."""
    with torch.device("meta"):  # their own initialization would cost more time than the test
        model = build()
    model.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point():
            tensor.zero_()
        elif tensor.dim() > 1:
            limit = (6 / tensor[0].numel()) ** 0.5  # He's variance, uniform
            tensor.uniform_(-limit, limit, generator=generator)
        elif name.endswith("running_var") or name.endswith("weight"):
            tensor.uniform_(0.5, 1.5, generator=generator)
        else:
            tensor.uniform_(-0.5, 0.5, generator=generator)
    return model


def with_weights(build, state):
    """Our model with these weights, loaded by name; nothing may be missing or left over."""
    with torch.device("meta"):
        model = build()
    own = {name: tensor.clone() if "running" in name else tensor for name, tensor in state.items()}
    model.load_state_dict(own, assign=True)
    return model


def output(model, x):
    torch.manual_seed(1)  # the same values dropped
    with torch.no_grad():
        return model(x)


def assert_equal_outputs(ours, theirs, sizes=(224, 97)):
    for size in sizes:
        images = 2 if size < 224 else 1
        x = torch.randn(images, 3, size, size, generator=torch.Generator().manual_seed(size))
        for training in (False, True):
            reference = output(theirs.train(training), x)
            torch.testing.assert_close(output(ours.train(training), x), reference, rtol=1e-5, atol=1e-5)
            # outputs that hardly depend on the image would prove nothing
            assert (reference[0] - reference[-1]).norm() > 1e-3 * reference.norm() or images == 1
    torch.testing.assert_close(dict(ours.named_buffers()), dict(theirs.named_buffers()))  # after train mode


CASES = {
    "alexnet": (AlexNet, theirs.alexnet),
    **{
        f"vgg{depth}{'_bn' * norm}": (
            partial(VGG, depth, batch_norm=norm),
            partial(getattr(theirs, f"vgg{depth}{'_bn' * norm}"), init_weights=False),
        )
        for depth in (11, 13, 16, 19)
        for norm in (False, True)
    },
    "googlenet": (GoogLeNet, partial(theirs.googlenet, **GOOGLENET)),
    **{
        f"resnet{depth}": (partial(ResNet, depth), getattr(theirs, f"resnet{depth}"))
        for depth in (18, 34, 50)
    },
}


@pytest.mark.parametrize("name", CASES)
def test_torchvisions_weights_give_torchvisions_outputs(name):
    ours, reference = CASES[name]
    reference = drawn(reference)
    assert_equal_outputs(with_weights(ours, reference.state_dict()), reference)


@pytest.mark.parametrize("name", CASES)
def test_the_number_of_classes_can_be_chosen(name):
    ours, reference = CASES[name]
    with torch.device("meta"):
        assert shapes(ours(classes=7)) == shapes(reference(num_classes=7))


def shapes(model):
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def test_weights_with_auxiliary_classifiers_load_into_the_network_without():
    reference = drawn(partial(theirs.googlenet, init_weights=False, aux_logits=True))
    state = reference.state_dict()
    ours = with_weights(GoogLeNet, from_torchvision(state))
    with pytest.raises(RuntimeError, match="aux1"):
        ours.load_state_dict(state)
    x = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(output(ours.eval(), x), output(reference.eval(), x), rtol=1e-5, atol=1e-5)


def test_auxiliary_classifiers_equal_torchvisions():
    reference = drawn(partial(theirs.googlenet, init_weights=False, aux_logits=True))
    ours = with_weights(partial(GoogLeNet, auxiliary=True), reference.state_dict())
    for model in (ours, reference):
        for layer in model.modules():
            if isinstance(layer, nn.Dropout):
                layer.p = 0.0  # ours are computed in another order, so they would drop other values
    x = torch.randn(2, 3, 96, 96)
    logits, first, second = output(ours.train(), x)
    right = output(reference.train(), x)
    for mine, other in [(logits, right.logits), (first, right.aux_logits1), (second, right.aux_logits2)]:
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5)
    assert isinstance(output(ours.eval(), x), torch.Tensor)


def test_vgg_for_small_images_is_torchvisions_with_another_end():
    def reference():
        model = theirs.vgg16(num_classes=10, init_weights=False, dropout=0.65)
        model.avgpool = nn.AdaptiveAvgPool2d(1)
        model.classifier[0] = nn.Linear(512, 4096)
        return model

    reference = drawn(reference)
    assert_equal_outputs(with_weights(vgg_for_32x32, reference.state_dict()), reference, sizes=[32])


def convolution_with_bias(inputs, outputs, **options):
    return nn.Sequential(OrderedDict(conv=nn.Conv2d(inputs, outputs, **options), relu=nn.ReLU()))


def test_googlenet_without_batch_norm_is_torchvisions_of_other_parts():
    inception = partial(TorchvisionInception, conv_block=convolution_with_bias)
    reference = drawn(
        partial(theirs.GoogLeNet, 10, blocks=[convolution_with_bias, inception, None], **GOOGLENET)
    )
    ours = with_weights(partial(GoogLeNet, 10, batch_norm=False), reference.state_dict())
    assert_equal_outputs(ours, reference, sizes=[64])


@pytest.mark.parametrize("depth", [18, 50])
def test_resnet_without_batch_norm_is_torchvisions_without(depth):
    parts = {18: (tv_resnet.BasicBlock, [2, 2, 2, 2]), 50: (tv_resnet.Bottleneck, [3, 4, 6, 3])}[depth]
    reference = drawn(lambda: theirs.ResNet(*parts, num_classes=10, norm_layer=lambda _: nn.Identity()))
    for tensor in reference.parameters():
        tensor.data.mul_(0.5)  # else the sums grow beyond float32's digits
    ours = ResNet(depth, 10, batch_norm=False)
    missing, unexpected = ours.load_state_dict(reference.state_dict(), strict=False)
    assert not unexpected and all(name.endswith("bias") for name in missing)
    assert len(missing) == sum(isinstance(layer, nn.Conv2d) for layer in ours.modules())
    assert not any(ours.get_parameter(name).any() for name in missing)  # new biases are 0
    assert_equal_outputs(ours, reference, sizes=[64])


def test_the_papers_inception_sees_five_pixels():
    block = Inception(8, (2, 2, 2, 2, 2, 2), batch_norm=False, large_kernel=5)
    for tensor in block.parameters():
        tensor.data.abs_()  # else a ReLU may hide a pixel
    x = torch.rand(1, 8, 9, 9, requires_grad=True)
    block.branch3(x)[0, :, 4, 4].sum().backward()
    rows = x.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    assert (rows.min(), rows.max()) == (2, 6)
    assert block.branch3(x).shape[2:] == x.shape[2:]


@pytest.mark.parametrize("build", [partial(VGG, 11, hidden=64), GoogLeNet, partial(ResNet, 50), SmallResNet])
def test_width_scales_the_channels_of_every_convolution(build):
    with torch.device("meta"):
        narrow, wide = ([m for m in build(width=w).modules() if isinstance(m, nn.Conv2d)] for w in (16, 64))
    assert all(w.out_channels == 4 * n.out_channels for n, w in zip(narrow, wide, strict=True))


def layers_with_weights(model):
    """Convolutions and linear layers, projections aside: what the number in a network's name counts."""
    layers = [n for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    return len([name for name in layers if "downsample" not in name])


@pytest.mark.parametrize(
    ("build", "depths"), [(VGG, (11, 13, 16, 19)), (ResNet, (18, 34, 50)), (SmallResNet, (8, 20, 32, 56))]
)
def test_a_network_is_as_deep_as_its_name_says(build, depths):
    with torch.device("meta"):
        assert [layers_with_weights(build(depth)) for depth in depths] == list(depths)


def test_googlenet_has_nine_modules_and_22_layers_one_behind_the_other():
    with torch.device("meta"):
        modules = [m for m in GoogLeNet().modules() if isinstance(m, Inception)]
    assert len(modules) == len(TABLE) == 9
    assert 3 + 2 * len(modules) + 1 == 22  # the longest way through a module has two convolutions


@pytest.mark.parametrize(("build", "depth"), [(VGG, 17), (ResNet, 20), (SmallResNet, 18), (SmallResNet, 2)])
def test_a_depth_that_does_not_exist_is_refused(build, depth):
    with pytest.raises(ValueError, match=f"depth must be .* got {depth}"):
        build(depth)


def small_resnet_of_torchvision(blocks, width, classes):
    layers, channels = [nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()], width
    for stage in range(3):
        for number in range(blocks):
            outputs, stride, projection = width * 2**stage, 1, None
            if stage and not number:
                stride = 2
                projection = nn.Sequential(
                    nn.Conv2d(channels, outputs, 1, 2, bias=False), nn.BatchNorm2d(outputs)
                )
            layers.append(tv_resnet.BasicBlock(channels, outputs, stride, projection))
            channels = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


def test_small_resnet_is_built_of_torchvisions_blocks():
    reference = drawn(partial(small_resnet_of_torchvision, 3, 8, 10))
    ours = SmallResNet(20, width=8)
    blocks = [m for m in ours.modules() if isinstance(m, BasicBlock)]
    other = [m for m in reference if isinstance(m, tv_resnet.BasicBlock)]
    ends = [(ours.conv1, reference[0]), (ours.bn1, reference[1]), (ours.fc, reference[-1])]
    for mine, right in [*zip(blocks, other, strict=True), *ends]:
        mine.load_state_dict(right.state_dict())
    x = torch.randn(4, 3, 32, 32)
    for training in (False, True):
        right = output(reference.train(training), x)
        torch.testing.assert_close(output(ours.train(training), x), right, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("build", [partial(SmallResNet, 20, width=8), partial(ResNet, 18, 10, width=8)])
def test_a_network_without_shortcuts_is_its_convolutions_in_a_row(build):
    plain = build(shortcuts=False).train()
    assert not any("downsample" in name for name, _ in plain.named_parameters())
    layers = []
    for name, layer in plain.named_modules():
        if isinstance(layer, nn.MaxPool2d):
            layers.append(layer)
        elif isinstance(layer, nn.Conv2d):
            layers += [layer, plain.get_submodule(name.replace("conv", "bn")), nn.ReLU()]
    x = torch.randn(4, 3, 32, 32)
    out = plain.fc(nn.Sequential(*layers)(x).mean((2, 3)))
    torch.testing.assert_close(plain(x), out)


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
@pytest.mark.parametrize("norm", [False, True])
def test_a_block_whose_residual_is_zero_passes_its_input_on(block, norm):
    block = block(block.expansion * 4, 4, batch_norm=norm)
    for name, tensor in block.named_parameters():
        if "conv" in name or name.endswith("bias"):
            tensor.data.zero_()
    x = torch.rand(2, block.expansion * 4, 5, 5)
    torch.testing.assert_close(block(x), x)


@pytest.mark.parametrize(
    "build", [partial(VGG, 19, width=16, grid=1, hidden=256), partial(ResNet, 34, width=16, shortcuts=False)]
)
def test_the_starting_weights_keep_the_signal_alive(build):
    torch.manual_seed(0)
    model = build(classes=10, batch_norm=False).eval()
    x = torch.randn(16, 3, 64, 64)
    assert 0.05 < output(model, x).std() < 20  # PyTorch's default starting weights give less than 0.0001
