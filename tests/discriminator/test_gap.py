"""One pass gives what several would: against maps kept and pooled afterwards, for every kind of network."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from discriminator.folding import fold, folded
from discriminator.gap import collected, look, looked, survey
from discriminator.pooling import Layout, layout_of, pooled
from discriminator.stages import MOST, stage_ends
from headhunt import errors
from zoo.networks.building import build_network

TIMM = [
    "test_resnet", "test_vit", "test_vit3", "test_vit_relpos", "test_efficientnet", "test_mambaout", "test_convnext",
    "test_byobnet", "test_nfnet", "test_coatnet", "test_maxvit",
]  # fmt: skip
FIXED = ("test_vit", "test_vit3", "test_vit_relpos", "test_coatnet", "test_maxvit")
"""Networks that see 160 px and nothing else; the others are shown less."""
OWN = "examples.cifar_resnet:resnet20"


def network_of(name: str, classes: int = 5) -> nn.Module:
    torch.manual_seed(0)
    return lively(build_network(name, classes=classes, input_size=None if ":" in name else 160).eval())


def seen_by(name: str, count: int = 3, seed: int = 0) -> Tensor:
    return images(count, 160 if name in FIXED else 64, seed)


def lively(network: nn.Module) -> nn.Module:
    """As if trained: normalisations that shift and scale."""
    draws = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.running_var):
                tensor.data.copy_(0.5 + torch.rand(tensor.shape, generator=draws))
            for tensor in (module.bias, module.running_mean):
                tensor.data.copy_(torch.randn(tensor.shape, generator=draws) / 4)
    return network


def images(count: int, size: int, seed: int = 0) -> Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", [*TIMM, OWN])
def test_every_network_gives_its_stages_its_heads_input_and_its_outputs(name: str) -> None:
    network = network_of(name)
    plan = survey(network, seen_by(name, 2))
    found = look(network, plan, seen_by(name))
    with torch.no_grad():
        assert torch.equal(found.outputs, network(seen_by(name)))
    assert 3 <= len(found.stages) <= MOST
    assert all(stage.shape[0] == 3 and stage.dtype == torch.float32 for stage in found.stages)
    head = network.get_submodule(plan.head[0])
    with torch.no_grad():
        assert torch.allclose(head(found.head), found.outputs, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in TIMM if name != "test_vit3"])
def test_stages_are_what_timm_calls_its_intermediate_features(name: str) -> None:
    """timm brings class tokens, grids and maps with the channels last into one form by rules of its own."""
    network = network_of(name)
    plan = survey(network, seen_by(name, 2))
    names = [entry["module"] for entry in network.feature_info]
    with torch.no_grad():
        theirs = network.forward_intermediates(seen_by(name), norm=False, intermediates_only=True, output_fmt="NCHW")
    ours = dict(zip((end for end, _ in plan.stages), look(network, plan, seen_by(name)).stages, strict=True))
    pairs = [(ours[end], maps.mean((2, 3))) for end, maps in zip(names, theirs, strict=True) if end in ours]
    assert len(pairs) == len(ours)
    same_place = [(a, b) for a, b in pairs if a.shape == b.shape]
    assert len(same_place) == len(pairs)
    near = [bool(torch.allclose(a, b, atol=1e-4, rtol=1e-3)) for a, b in pairs]
    assert all(near), near


def test_a_module_of_ones_own_is_read_by_the_order_of_its_stages() -> None:
    network = network_of(OWN)
    assert stage_ends(network) == ("conv1", "layer1", "layer2", "layer3")
    found = look(network, survey(network, images(2, 32)), images(4, 32))
    assert [tuple(stage.shape) for stage in found.stages] == [(4, 16), (4, 16), (4, 32), (4, 64)]
    assert torch.allclose(found.head, found.stages[-1], atol=1e-5)


class OwnTransformer(nn.Module):
    """Blocks in a list, tokens before images, a class token, and the blocks' batch second."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 16, 8, 8)
        self.token = nn.Parameter(torch.ones(1, 1, 16))
        self.blocks = nn.ModuleList([nn.TransformerEncoderLayer(16, 2, 32) for _ in range(8)])
        self.head = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.embed(x).flatten(2).permute(2, 0, 1)
        tokens = torch.cat([self.token.expand(1, tokens.shape[1], -1), tokens])
        for block in self.blocks:
            tokens = block(tokens)
        answer: Tensor = self.head(tokens[0])
        return answer


def test_a_list_of_blocks_is_opened_and_the_class_token_is_no_place() -> None:
    network = OwnTransformer().eval()
    plan = survey(network, images(2, 32))
    assert [name for name, _ in plan.stages][-1] == "blocks.7"
    assert len(plan.stages) == MOST
    assert plan.stages[-1][1] == Layout("sequence", 16, prefix=1)
    kept: list[Tensor] = []
    network.blocks[7].register_forward_hook(lambda _m, _i, out: kept.append(out))
    found = look(network, plan, images(3, 32))
    assert torch.allclose(found.stages[-1], kept[0][1:].mean(0), atol=1e-5)
    assert torch.allclose(found.head, kept[0][0], atol=1e-6)


def test_a_network_without_a_head_has_no_outputs_and_its_answer_is_the_heads_input() -> None:
    network = build_network("test_resnet", classes=0).eval()
    found = look(network, survey(network, images(2, 64)), images(3, 64))
    assert found.outputs is None
    assert found.head.shape == (3, 96)


def test_looking_leaves_no_hook_and_no_inference_mode_behind() -> None:
    network = network_of(OWN)
    plan = survey(network, images(2, 32))
    for _ in looked(network, plan, (images(2, 32), images(1, 32))):
        assert not torch.is_inference_mode_enabled()
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())


def test_no_map_outlives_its_module() -> None:
    network = network_of("test_resnet")
    plan = survey(network, images(2, 64))
    found = look(network, plan, images(3, 64))
    for stage in (*found.stages, found.head):
        assert stage.untyped_storage().nbytes() <= 4 * 3 * 1000


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 2)),
        nn.Sequential(nn.Conv2d(4, 8, 3), nn.Flatten()),
        nn.Linear(5, 2),
    ],
)
def test_what_takes_no_picture_is_refused_in_words(network: nn.Module) -> None:
    with pytest.raises(errors.BadSpec, match="cannot take an image of 3x32x32"):
        survey(network.eval(), images(2, 32))


SHAPES = [
    ((2, 6, 5, 5), False, Layout("map", 6)),
    ((2, 5, 5, 6), False, Layout("grid", 6)),
    ((2, 5, 5, 5), False, Layout("map", 5)),
    ((2, 5, 5, 5), True, Layout("grid", 5)),
    ((2, 17, 6), False, Layout("tokens", 6, prefix=1)),
    ((2, 16, 6), False, Layout("tokens", 6)),
    ((17, 2, 6), False, Layout("sequence", 6, prefix=1)),
    ((2, 6), False, Layout("vector", 6)),
]


@pytest.mark.parametrize(("shape", "channels_last", "expected"), SHAPES)
def test_layouts_are_told_from_square_images(shape: tuple[int, ...], channels_last: bool, expected: Layout) -> None:
    tensor = torch.randn(shape)
    assert layout_of(tensor, 2, 0, channels_last) == expected
    second = layout_of((torch.randn(40, 3), tensor), 2, 0, channels_last)
    assert second is not None
    assert (second.part, second.kind) == (1, expected.kind)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_pooling_is_the_mean_over_the_places(dtype: torch.dtype, layout: torch.memory_format) -> None:
    maps = (
        torch.rand(4, 24, 28, 28, generator=torch.Generator().manual_seed(3)).to(dtype).contiguous(memory_format=layout)
    )
    apart = (pooled(maps, Layout("map", 24)).double() / maps.double().mean((2, 3)) - 1).abs()
    assert float(apart.mean()) < (1e-6 if dtype is torch.float32 else 1e-3)


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_byobnet", OWN])
def test_a_folded_network_says_the_same_at_every_stage(name: str) -> None:
    network = network_of(name)
    plan = survey(network, seen_by(name, 2))
    quick = folded(network, plan, seen_by(name, 2))
    assert quick is not network
    assert sum(isinstance(m, nn.BatchNorm2d) for m in quick.modules()) < sum(
        isinstance(m, nn.BatchNorm2d) for m in network.modules()
    )
    slow, fast = (collected(looked(n, plan, (seen_by(name, 5, seed=9),))) for n in (network, quick))
    for one, other in zip((*slow.stages, slow.head), (*fast.stages, fast.head), strict=True):
        assert np.abs(one - other).max() <= 1e-4 * np.abs(one).max()


class NormFirst(nn.Module):
    """Registered as convolution and norm, run the other way round: folding it would be wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)
        self.norm = nn.BatchNorm2d(3)
        self.head = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.head(self.conv(self.norm(x).relu()).mean((2, 3)))
        return answer


def test_a_wrong_guess_is_not_used() -> None:
    network = lively(NormFirst().eval())
    assert fold(lively(NormFirst().eval())) == 1
    plan = survey(network, images(2, 16))
    stageless = type(plan)((), plan.head, plan.answer)
    assert folded(network, stageless, images(2, 16)) is network
