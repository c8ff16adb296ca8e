import pytest
import timm
from torch import nn

from headhunt.vocabulary import Protocol
from zoo.training.layers import head_names, parameter_groups, stage_depths


def by_hand() -> nn.Module:
    """A network as users write them: no word about its stages or its head."""
    network = nn.Module()
    network.stem = nn.Conv2d(3, 8, 3)
    network.norm = nn.BatchNorm2d(8)
    network.middle = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))
    network.classifier = nn.Linear(8, 4)
    return network


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("test_resnet", "fc."),
        ("test_vit", "head."),
        ("test_convnext", "head.fc."),
        ("test_efficientnet", "classifier."),
    ],
)
def test_the_head_of_a_timm_network_is_what_timm_says(name, head):
    assert head_names(timm.create_model(name, num_classes=5)) == {f"{head}weight", f"{head}bias"}


def test_the_head_of_another_network_is_its_last_linear_layer():
    assert head_names(by_hand()) == {"classifier.weight", "classifier.bias"}


def test_a_network_without_a_linear_layer_has_its_last_layer_as_head():
    assert head_names(nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 1), nn.Flatten())) == {"1.weight", "1.bias"}


def test_a_network_that_is_one_layer_is_all_head():
    assert head_names(nn.Linear(4, 2)) == {"weight", "bias"}
    assert stage_depths(nn.Linear(4, 2)) == {"weight": 0, "bias": 0}


def test_depths_follow_the_order_of_the_modules_and_norms_go_with_what_they_follow():
    assert stage_depths(by_hand()) == {
        "stem.weight": 0,
        "stem.bias": 0,
        "norm.weight": 0,
        "norm.bias": 0,
        "middle.0.weight": 1,
        "middle.0.bias": 1,
        "middle.1.weight": 1,
        "middle.1.bias": 1,
        "classifier.weight": 2,
        "classifier.bias": 2,
    }


def test_a_network_in_a_wrapper_has_the_depths_of_what_is_wrapped():
    wrapper = nn.Module()
    wrapper.inner = by_hand()
    assert stage_depths(wrapper) == {f"inner.{name}": depth for name, depth in stage_depths(by_hand()).items()}


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_convnext", "test_efficientnet"])
def test_every_timm_network_gets_deeper_from_the_stem_to_the_head(name):
    network = timm.create_model(name, num_classes=5)
    depths = stage_depths(network)
    names = [parameter for parameter, _ in network.named_parameters()]
    assert set(depths) == set(names)
    assert depths[names[0]] == 0
    assert {depths[parameter] for parameter in head_names(network)} == {max(depths.values())}
    assert sorted(set(depths.values())) == list(range(max(depths.values()) + 1))
    assert max(depths.values()) >= 3


def test_each_parameter_learns_in_one_group_and_only_matrices_decay():
    network = timm.create_model("test_vit", num_classes=5)
    groups = parameter_groups(network, Protocol(weight_decay=0.1, layer_decay=0.5, head_first=0.2))
    members = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(members) == sorted(id(parameter) for parameter in network.parameters())
    decayed = {id(p) for group in groups if group["weight_decay"] for p in group["params"]}
    kept = network.no_weight_decay()
    wanted = {id(p) for name, p in network.named_parameters() if p.ndim > 1 and name not in kept}
    assert decayed == wanted
    assert kept


def test_each_stage_has_the_rate_of_the_stage_above_it_times_the_decay():
    network = by_hand()
    groups = parameter_groups(network, Protocol(lr=1.0, layer_decay=0.5))
    scale = {id(p): group["lr"] for group in groups for p in group["params"]}
    assert scale[id(network.classifier.weight)] == 1.0
    assert scale[id(network.middle[0].weight)] == 0.5
    assert scale[id(network.stem.weight)] == 0.25


def test_without_layer_decay_two_groups_are_enough():
    assert len(parameter_groups(timm.create_model("test_resnet"), Protocol())) == 2


def test_what_the_user_froze_is_in_no_group():
    network = by_hand()
    network.stem.requires_grad_(False)
    members = {id(p) for group in parameter_groups(network, Protocol()) for p in group["params"]}
    assert id(network.stem.weight) not in members
    assert id(network.middle[0].weight) in members


def test_only_the_body_waits_for_the_head():
    network = by_hand()
    groups = parameter_groups(network, Protocol(head_first=0.3))
    first = {id(p) for group in groups if not group["body"] for p in group["params"]}
    assert first == {id(network.classifier.weight), id(network.classifier.bias)}
