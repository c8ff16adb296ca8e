"""`headhunt zoo add recommended`: some forty models that a connected user starts with, each with its reason.

Chosen so that every budget from 20 million to 50 billion multiply-adds has two or more kinds of network, and so that
the data they come from differ: what transfers best depends on both. `python -m zoo.sources.curated` writes the table of
docs/curated-models.md from this one and from the facts that timm and the meta device give.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from headhunt.vocabulary import ModelCard
from zoo.sources import Found
from zoo.sources.timm_hub import card_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "curated-models.md"


@dataclass(frozen=True)
class Choice:
    """One recommended tag and why it is there."""

    tag: str
    reason: str


RECOMMENDED = tuple(
    Choice(*line.strip().split("  ", 1))
    for line in """
    tinynet_e.in1k  The cheapest of all, at 106 px: the floor that every other cost has to earn.
    lcnet_050.ra2_in1k  Depthwise convolutions arranged for CPUs.
    mobilenetv3_small_100.lamb_in1k  The usual choice for a phone; a reference that everybody knows.
    efficientvit_b0.r224_in1k  Linear attention at the cost of a small MobileNet.
    mobilenetv4_conv_small.e2400_r224_in1k  A newer phone network, trained for 2,400 epochs.
    mobilenetv3_large_100.ra_in1k  The larger phone network, trained on ImageNet-1k alone.
    mobilenetv3_large_100.miil_in21k  The same network from ImageNet-21k: what the data alone changes.
    efficientnet_b0.ra4_e3600_r224_in1k  The classic balance of cost and accuracy, with a long modern training.
    regnety_004.tv2_in1k  Regular convolutions with squeeze and excitation, quick on GPUs for its size.
    efficientvit_b1.r224_in1k  Linear attention one size up; keeps its cost as images grow.
    convnext_atto.d2_in1k  The smallest ConvNeXt: large kernels and layer norm at half a billion multiply-adds.
    fastvit_t8.apple_dist_in1k  Branches that fold into one convolution after training, distilled: low latency.
    repvit_m0_9.dist_450e_in1k  A MobileNet ordered like a transformer, folded, distilled for 450 epochs.
    mobilenetv4_conv_medium.e500_r256_in1k  A billion multiply-adds spent on convolutions alone.
    tiny_vit_5m_224.dist_in22k  A small hybrid distilled on ImageNet-21k: wide knowledge at a small cost.
    vit_tiny_patch16_224.augreg_in21k  The smallest plain transformer of ImageNet-21k.
    mobilenetv4_hybrid_medium.ix_e550_r256_in1k  The same with some attention: what attention adds at equal cost.
    repvit_m1_1.dist_450e_in1k  The next size of the same, where a little more is affordable.
    resnet18.a1_in1k  The baseline that papers compare with, in a modern recipe.
    fastvit_sa12.apple_dist_in1k  Folded convolutions below, attention on top, distilled: accuracy for its latency.
    tiny_vit_11m_224.dist_in22k_ft_in1k  A distilled hybrid, finished on ImageNet-1k.
    efficientvit_b2.r256_in1k  Linear attention at two billion multiply-adds and 256 px.
    convnext_nano.in12k  ImageNet-12k weights without finishing on ImageNet-1k: the broader head stays.
    convnext_nano.in12k_ft_in1k  The same, finished on ImageNet-1k.
    resnet34.a1_in1k  Basic blocks only; features that differ from those of bottlenecks.
    resnet50.a1_in1k  The most used network of all, in a modern recipe.
    caformer_s18.sail_in22k_ft_in1k  Convolutions below, attention above, from ImageNet-21k.
    resnetv2_50x1_bit.goog_in21k  Group norm and ImageNet-21k: the BiT recipe for few images a class.
    convnext_tiny.dinov3_lvd1689m  The same architecture, self-supervised on 1.7 billion images: no labels in it.
    convnext_tiny.in12k_ft_in1k  A modern convolution network of the size of a ResNet-50.
    swin_tiny_patch4_window7_224.ms_in22k_ft_in1k  Windows of attention in a pyramid: for dense structure.
    deit3_small_patch16_224.fb_in22k_ft_in1k  A plain small transformer with a strong supervised recipe.
    vit_small_patch16_224.dino  Self-supervised on ImageNet-1k, without labels.
    vit_small_patch16_224.augreg_in21k  The plain small transformer, ImageNet-21k, broad head.
    tf_efficientnetv2_s.in21k_ft_in1k  Fused convolutions, ImageNet-21k, larger images at a modest cost.
    maxvit_tiny_tf_224.in1k  Block and grid attention with convolutions, trained on ImageNet-1k alone.
    eva02_small_patch14_224.mim_in22k  Masked modelling of CLIP features: a small transformer to tune.
    vit_small_patch16_dinov3.lvd1689m  Self-supervised on 1.7 billion images, at the cost of a small transformer.
    mobilenetv4_conv_aa_large.e230_r384_in12k_ft_in1k  Convolutions at 384 px from ImageNet-12k.
    vit_base_patch16_clip_224.openai  CLIP by OpenAI: trained on images of all kinds with their captions.
    vit_base_patch16_clip_224.laion2b_ft_in12k_in1k  CLIP of LAION-2B, then finished on ImageNet-12k and 1k.
    vit_base_patch16_224.mae  Masked autoencoder: made to be tuned as a whole rather than probed.
    beitv2_base_patch16_224.in1k_ft_in22k_in1k  Masked modelling with a semantic codebook, then ImageNet-21k.
    convnext_base.clip_laion2b_augreg_ft_in12k_in1k  CLIP in convolutions, finished on ImageNet-12k and 1k.
    vit_base_patch16_dinov3.lvd1689m  The base size of DINOv3, where a GPU is at hand.
    vit_small_patch14_dinov2.lvd142m  DINOv2 at 518 px: fine structure, at the highest cost here.
    """.strip().splitlines()
)


def recommended(domain: str | None = None) -> Iterator[Found]:
    """The recommended models, cheapest first, one after the other; weights come at first use."""
    for choice in RECOMMENDED:
        yield Found(card_of(choice.tag, domain), None)


# --- The table in the documentation -----------------------------------------------------------------------------------


def table() -> str:
    rows = [row(choice, card_of(choice.tag)) for choice in RECOMMENDED]
    head = (
        "| tag | trained on | px | parameters, M | multiply-adds, G | licence | why |\n|---|---|--:|--:|--:|---|---|\n"
    )
    return head + "".join(rows)


def row(choice: Choice, card: ModelCard) -> str:
    size, adds = f"{card.params / 1e6:.1f}", f"{card.macs / 1e9:.2f}"
    facts = (
        f"`{choice.tag}`",
        card.domain,
        str(card.input_size),
        size,
        adds,
        card.license or "not given",
        choice.reason,
    )
    return f"| {' | '.join(facts)} |\n"


def main() -> None:
    before, mark, _ = DOCUMENT.read_text(encoding="utf-8").partition("| tag |")
    if not mark:
        before += "\n"
    DOCUMENT.write_text(before + table(), encoding="utf-8")


if __name__ == "__main__":
    main()
