"""Which data a pretrained tag speaks of: `augreg_in21k_ft_in1k` saw ImageNet-21k and was last trained on ImageNet-1k.

The domain is what the weights were trained on last, as the user's next training will start from there. A tag's words
are read from its end; a tag without a known word is its own domain.
"""

import re

KNOWN = (
    (r"in1k", "imagenet-1k"),
    (r"in12k", "imagenet-12k"),
    (r"inw?2[12]k", "imagenet-21k"),
    (r"laion(2b|400m|a)|merged2b", "laion"),
    (r"datacomp(1b|xl)", "datacomp"),
    (r"dfn\d+b|dfndr2b", "dfn"),
    (r"openai", "openai-clip"),
    (r"metaclip\d*", "metaclip"),
    (r"webli|pali\d*", "webli"),
    (r"mclip2?", "datacompdr"),
    (r"yfcc(15m|100m)", "yfcc"),
    (r"cc12m", "cc12m"),
    (r"lvd142m", "lvd-142m"),
    (r"lvd1689m", "lvd-1689m"),
    (r"sat493m", "sat-493m"),
    (r"sa1b", "sa-1b"),
    (r"ig1b", "instagram-1b"),
    (r"jft", "jft"),
    (r"m38m|m30m", "merged-38m"),
    (r"mae|fcmae|dino", "imagenet-1k"),
    (r"seer", "instagram-1b"),
)
"""A whole word of a tag and the data it stands for; last, methods that were trained on the data named here."""


def domain_of(tag: str) -> str:
    """The domain of `architecture.tag`."""
    name, _, words = tag.partition(".")
    for word in reversed(words.split("_")):
        for pattern, domain in KNOWN:
            if re.fullmatch(pattern, word):
                return domain
    return words.replace("_", "-") or name.replace("_", "-")
