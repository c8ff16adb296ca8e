"""Cards and weights from timm, through the code that speaks with the real hub, against a small hub on loopback."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save

from headhunt.errors import (
    BrokenWeights,
    HeadhuntError,
    UnknownNetwork,
    UnknownWeights,
    UnsafePickle,
    WeightsUnavailable,
)
from headhunt.vocabulary import ModelCard
from tests.zoo.hub_stand_in import Hub, serving
from zoo.networks.building import build_network
from zoo.sources import hub as hub_module
from zoo.sources.domains import domain_of
from zoo.sources.timm_hub import card_of, fetch, from_timm, pretrained_tags, tags_of

TAG = "test_resnet.r160_in1k"
REPO = "timm/test_resnet.r160_in1k"


def weights_of(name: str, seed: int = 5) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return timm.create_model(name, pretrained=False).state_dict()


@pytest.fixture(scope="module")
def content() -> bytes:
    return save(weights_of("test_resnet"))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> Iterator[Hub]:
    for name in [
        name for name in os.environ if name.startswith(("HF_", "HUGGINGFACE_")) or name.lower().endswith("_proxy")
    ]:
        monkeypatch.delenv(name)
    with serving(Hub({REPO: {"model.safetensors": content, "config.json": b"{}"}})) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.endpoint)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
        yield running


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return card_of(TAG)


# --- Cards ------------------------------------------------------------------------------------------------------------


def test_a_tag_becomes_a_card_without_asking_the_hub(hub: Hub) -> None:
    (found,) = from_timm(f"timm:{TAG}")
    cfg = timm.get_pretrained_cfg(TAG)
    card = found.card
    assert found.state is None
    assert cfg is not None
    assert (card.id, card.network, card.origin) == (f"imagenet-1k/{TAG}", "test_resnet", f"timm:{TAG}")
    assert (card.input_size, card.mean, card.std) == (cfg.input_size[-1], cfg.mean, cfg.std)
    assert (card.crop, card.interpolation, card.license) == (cfg.crop_pct, cfg.interpolation, cfg.license)
    assert (card.head, len(card.classes), card.classes[0]) == (1000, 1000, "n01440764")
    assert card.params == sum(p.numel() for p in timm.create_model("test_resnet").parameters())
    assert card.macs > 0
    assert card.weights is None
    assert hub.asked == []


def test_an_architecture_alone_means_the_tag_that_timm_loads_by_default() -> None:
    default = timm.get_pretrained_cfg("resnet18")
    assert default is not None
    assert tags_of("timm:resnet18") == (f"resnet18.{default.tag}",)


def test_a_pattern_names_every_tag_that_fits() -> None:
    found = tags_of("timm:convnext_*.fb_in22k_ft_in1k")
    assert set(found) == {t for t in timm.list_pretrained("convnext_*") if t.endswith(".fb_in22k_ft_in1k")}
    assert len(found) >= 5


def test_the_tags_of_timm_are_understood() -> None:
    assert all(tags_of(f"timm:{tag}") == (tag,) for tag in pretrained_tags()[::25])


@pytest.mark.parametrize(
    ("spec", "error", "says"),
    [
        ("timm:resnet18.nope", UnknownWeights, "No pretrained weights named 'resnet18.nope'. .*'resnet18.a1_in1k'"),
        ("timm:resnet18.a1_in1", UnknownWeights, "Did you mean 'resnet18.a1_in1k'"),
        ("timm:resnt18", UnknownNetwork, "Did you mean 'resnet18'"),
        ("timm:resnt18.a1_in1k", UnknownNetwork, "Did you mean 'resnet18'"),
        ("timm:no_such_*", UnknownWeights, "No tag matches the pattern"),
        ("timm:test_vit4", UnknownWeights, "no pretrained weights for test_vit4"),
        ("timm:", UnknownNetwork, "Give a timm architecture"),
        ("timm:hf-hub:x/y", UnknownNetwork, "No network named 'hf-hub:x/y'"),
        ("timm:local-dir:/etc", UnknownNetwork, "No network named"),
        ("timm:../../etc", UnknownNetwork, "No network named"),
        ("timm:resnet18\0", UnknownNetwork, "No network named"),
        ("timm:" + "x" * 10_000, UnknownNetwork, "No network named"),
        ("timm:" + "*" * 10_000, UnknownNetwork, "No network named"),
    ],
)
def test_a_bad_name_is_answered_in_a_line_without_asking_the_hub(
    hub: Hub, spec: str, error: type[HeadhuntError], says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        list(from_timm(spec))
    assert "\n" not in str(caught.value)
    assert "\0" not in str(caught.value)
    assert hub.asked == []


@pytest.mark.parametrize(
    ("tag", "domain"),
    [
        ("resnet18.a1_in1k", "imagenet-1k"),
        ("convnext_tiny.in12k", "imagenet-12k"),
        ("convnext_tiny.in12k_ft_in1k", "imagenet-1k"),
        ("convnext_tiny.fb_in22k", "imagenet-21k"),
        ("convnext_tiny.fb_in22k_ft_in1k_384", "imagenet-1k"),
        ("vit_base_patch16_224.augreg_in21k", "imagenet-21k"),
        ("vit_base_patch16_224.mae", "imagenet-1k"),
        ("vit_base_patch16_clip_224.laion2b", "laion"),
        ("vit_base_patch16_clip_224.laion2b_ft_in12k_in1k", "imagenet-1k"),
        ("vit_base_patch16_clip_224.openai", "openai-clip"),
        ("vit_small_patch14_dinov2.lvd142m", "lvd-142m"),
        ("vit_small_patch16_dinov3.lvd1689m", "lvd-1689m"),
        ("nextvit_small.bd_ssld_6m_in1k", "imagenet-1k"),
        ("somebody.their_own_data", "their-own-data"),
    ],
)
def test_a_tag_tells_what_data_it_was_trained_on_last(tag: str, domain: str) -> None:
    assert domain_of(tag) == domain


def test_the_user_names_the_domain_where_he_knows_better() -> None:
    (found,) = from_timm(f"timm:{TAG}", domain="mine")
    assert (found.card.id, found.card.domain) == (f"mine/{TAG}", "mine")


# --- Weights ----------------------------------------------------------------------------------------------------------


def test_weights_come_from_the_hub_once_and_then_from_its_cache_without_a_network(
    hub: Hub, card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = fetch(card)
    expected = weights_of("test_resnet")
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[key], expected[key]) for key in expected)
    assert any(line.startswith("GET") and "model.safetensors" in line for line in hub.asked)
    hub.asked.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert fetch(card).keys() == expected.keys()
    assert hub.asked == []


def test_what_is_in_the_cache_serves_when_the_hub_is_gone(
    hub: Hub, card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(card)
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    assert len(fetch(card)) > 10


def test_a_repository_without_safetensors_gives_its_torch_file(hub: Hub, card: ModelCard, tmp_path: Path) -> None:
    torch.save(weights_of("test_resnet"), tmp_path / "w.bin")
    hub.repositories[REPO] = {"pytorch_model.bin": (tmp_path / "w.bin").read_bytes()}
    assert torch.equal(fetch(card)["fc.bias"], weights_of("test_resnet")["fc.bias"])


def test_a_transformer_gets_its_weights_at_its_own_size(hub: Hub) -> None:
    hub.repositories["timm/test_vit.r160_in1k"] = {"model.safetensors": save(weights_of("test_vit"))}
    vit = card_of("test_vit.r160_in1k")
    network = build_network(vit.network, classes=vit.head, input_size=vit.input_size)
    network.load_state_dict(fetch(vit))


def test_a_slow_hub_is_waited_for_as_long_as_it_goes_on(
    hub: Hub, card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.manner = "slow"
    assert len(fetch(card)) > 10


class Payload:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


def test_a_torch_file_on_the_hub_that_would_run_code_is_refused(hub: Hub, card: ModelCard, tmp_path: Path) -> None:
    torch.save({"w": Payload()}, tmp_path / "w.bin")
    hub.repositories[REPO] = {"pytorch_model.bin": (tmp_path / "w.bin").read_bytes()}
    with pytest.raises(UnsafePickle, match="could run code"):
        fetch(card)


def test_weights_of_another_network_are_refused(hub: Hub, card: ModelCard) -> None:
    hub.repositories[REPO] = {"model.safetensors": save(weights_of("test_vit"))}
    with pytest.raises(BrokenWeights, match="timm cannot load it as test_resnet"):
        fetch(card)


def test_a_broken_file_in_the_cache_says_which_to_delete(hub: Hub, card: ModelCard, content: bytes) -> None:
    hub.repositories[REPO] = {"model.safetensors": content[:-100]}
    with pytest.raises(BrokenWeights, match=r"/model\.safetensors: .*Delete it, so that it is fetched again"):
        fetch(card)


@pytest.mark.parametrize(
    ("manner", "files", "says"),
    [
        ("well", None, "has no repository timm/test_resnet"),
        ("well", {"config.json": b"{}"}, "has no model.safetensors or pytorch_model.bin"),
        ("gated", {}, "is gated. Accept its terms there and set HF_TOKEN"),
        ("broken", {}, "did not come from .*503.*HF_HUB_OFFLINE=1"),
        ("silent", {}, "did not come from .*HF_ENDPOINT, or set HF_HUB_OFFLINE=1 with HF_HOME"),
        ("silent body", None, "did not come from .*no answer for"),
        ("cut", None, "did not come from "),
    ],
)
def test_a_hub_that_does_not_give_is_answered_in_a_moment(
    hub: Hub, card: ModelCard, monkeypatch: pytest.MonkeyPatch, manner: str, files: dict[str, bytes] | None, says: str
) -> None:
    if files is not None:
        hub.repositories[REPO] = files
    elif manner == "well":
        del hub.repositories[REPO]
    hub.manner = manner
    if manner == "silent body":
        monkeypatch.setattr(hub_module, "PATIENCE_S", 2.0)
    began = time.monotonic()
    with pytest.raises(WeightsUnavailable, match=says) as caught:
        fetch(card)
    assert time.monotonic() - began < 240
    assert "\n" not in str(caught.value)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_port_where_nobody_listens_is_answered_at_once(
    hub: Hub, card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    began = time.monotonic()
    with pytest.raises(WeightsUnavailable, match="Connection refused"):
        fetch(card)
    assert time.monotonic() - began < 240


def test_offline_without_the_weights_says_where_the_cache_is(
    hub: Hub, card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsUnavailable, match=r"HF_HUB_OFFLINE is set and .* not in the cache .*hf/hub"):
        fetch(card)
    assert hub.asked == []


def test_nothing_is_left_running_when_the_hub_keeps_silent(
    hub: Hub, card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[str]] = []
    real = subprocess.Popen

    def noted(*arguments: object, **options: object) -> object:
        started.append(real(*arguments, **options))  # type: ignore[call-overload]  # passed on as it came
        return started[-1]

    monkeypatch.setattr(hub_module.subprocess, "Popen", noted)
    monkeypatch.setattr(hub_module, "PATIENCE_S", 1.0)
    hub.manner = "silent"
    with pytest.raises(WeightsUnavailable):
        fetch(card)
    assert [child.poll() is not None for child in started] == [True]


def test_a_card_whose_origin_is_not_timm_is_not_fetched(card: ModelCard, hub: Hub) -> None:
    import msgspec

    for origin in ("file:x.pth", "timm:hf-hub:x/y", "timm:local-dir:/etc"):
        with pytest.raises(WeightsUnavailable):
            fetch(msgspec.structs.replace(card, origin=origin))
    assert hub.asked == []


def test_weights_outside_the_hub_come_whole_and_stay_where_torch_keeps_its_own(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "checkpoints" / "weights.pth"
    there.parent.mkdir()
    there.write_bytes(b"kept")
    assert hub_module.from_url("https://127.0.0.1:9/weights.pth", there) == there
    with pytest.raises(WeightsUnavailable, match=r"https://127\.0\.0\.1:\d+/other\.pth did not come.* by hand"):
        hub_module.from_url(f"https://127.0.0.1:{free_port()}/other.pth", there.with_name("other.pth"))
    assert [path.name for path in there.parent.iterdir()] == ["weights.pth"]


def test_a_fresh_process_reads_the_mirror_from_its_environment(hub: Hub) -> None:
    code = (
        f"from zoo.sources.timm_hub import card_of, fetch; import json; print(json.dumps(len(fetch(card_of('{TAG}')))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(done.stdout) == len(weights_of("test_resnet"))
    assert hub.asked
