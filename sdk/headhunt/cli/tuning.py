"""`tune`: hyper-parameters for a fine-tuning, searched in this process or by a server; the best is trained and kept."""

import argparse
from collections.abc import Mapping
from typing import Any

from headhunt.cli.opening import warn
from headhunt.cli.render import as_json
from headhunt.cli.telling import Stages
from headhunt.cli.values import space_in, whole
from headhunt.durations import seconds_of
from headhunt.errors import BadValue, NotAllowed
from headhunt.home import home_folder
from headhunt.remote.credentials import chosen
from headhunt.samples import Here, check_there
from headhunt.tuned import TunedStudy, as_table, wish_of

TOP = 10


def check_tune(asked: argparse.Namespace) -> None:
    """What can be wrong without a look at the images, told before the engine is loaded."""
    whole("top", asked.top)
    seconds_of(asked.budget)
    if asked.models is not None:
        whole("models", asked.models)
    if asked.model and asked.models is not None:
        raise BadValue(f"--models {asked.models} asks a recommendation, and --model names them. Give one of the two.")
    if asked.model and asked.budget is not None:
        raise BadValue(f"--budget {asked.budget} is for the recommendation, and --model needs none. Leave it out.")
    here = Here(home_folder())
    check_there(here, asked.sample)
    if asked.model and chosen(asked.server, None, here.home) is None:
        for model in asked.model:
            here.catalogue.read().card(model)
    wish(asked)


def tune_model(asked: argparse.Namespace) -> None:
    found = chosen(asked.server, None, home_folder())
    study = tuned_here(asked) if found is None else tuned_there(asked, found.url, found.key)
    print(as_json(facts_of(study)) if asked.json else as_table(study, whole("top", asked.top)))


def tuned_there(asked: argparse.Namespace, url: str, key: str) -> TunedStudy:
    """By a server, which is followed; in this process by whoever may not. Ctrl-C ends the waiting alone."""
    from headhunt.remote import engine, tuning
    from headhunt.remote.address import in_the_clear
    from headhunt.remote.transport import Server

    warn(*filter(None, [in_the_clear(url)]))
    home = home_folder()
    with Server(url, key) as server, Stages() as stages:
        if asked.model:
            models = list(dict.fromkeys(asked.model))
            try:
                question = tuning.of_models(wish(asked), models)
                return tuning.tune_models(server, home, asked.sample, question, stages.show)
            except NotAllowed as refused:
                brought = tuning.brought(server, home, models)
                warn(f"{refused} So it is tuned on this machine.")
                return models_here(asked, brought, stages)
        rec = engine.suggest(server, home, asked.sample, {"budget": asked.budget}, stages.show)
        warn(*rec.warnings)
        chosen_ones = rec.first(1 if asked.models is None else whole("models", asked.models))
        return rec.engine.tune(rec.facts, chosen_ones, wish(asked), stages.show)


def tuned_here(asked: argparse.Namespace) -> TunedStudy:
    from headhunt import local
    from zoo.repository import Zoo

    zoo = Zoo()
    with Stages() as stages:
        if asked.model:
            return models_here(asked, list(dict.fromkeys(asked.model)), stages)
        rec = local.suggest(zoo, asked.sample, {"budget": asked.budget}, began=asked.began, progress=stages.show)
        warn(*rec.warnings)
        chosen_ones = rec.first(1 if asked.models is None else whole("models", asked.models))
        return rec.engine.tune(rec.facts, chosen_ones, wish(asked), stages.show)


def models_here(asked: argparse.Namespace, models: list[str], stages: Stages) -> TunedStudy:
    from headhunt import local
    from zoo.repository import Zoo

    return local.tune_models(Zoo(), asked.sample, models, wish(asked), stages.show)


def wish(asked: argparse.Namespace) -> Any:
    """The same that `rec.tune` makes of its arguments."""
    return wish_of(
        None if asked.trials is None else whole("trials", asked.trials),
        asked.seconds,
        {
            "space": {} if asked.space is None else space_in(asked.space),
            "aims": tuple(one.strip() for one in asked.aims.split(",")),
            "limits": limits_of(asked.limits),
            "algo": asked.algo,
            "seed": whole("seed", asked.seed, least=0),
            "study": asked.study,
            "curtail": not asked.no_curtail,
            "part": part_of(asked.part),
        },
    )


def part_of(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError as error:
        raise BadValue(f"--part {text!r} is no share. Give a number above 0 and up to 1, as 0.25.") from error


def limits_of(text: str | None) -> Mapping[str, str]:
    """`latency=20ms,memory=200MB`."""
    pairs = [part.partition("=") for part in (text or "").split(",") if part.strip()]
    for name, sign, worst in pairs:
        if not sign or not worst.strip():
            raise BadValue(f"--limits {name.strip()!r} has no value. Write them as latency=20ms,memory=200MB.")
    return {name.strip(): worst.strip() for name, _, worst in pairs}


def facts_of(study: TunedStudy) -> dict[str, Any]:
    return {
        "study": study.name,
        "algo": study.algo,
        "params": study.best.params,
        "value": study.best.value,
        "learned": study.learned,
        "card": None if study.interrupted else study.best.card,
        "recommended": study.recommended,
        "front": [one.number for one in study.front],
        "trials": study.trials,
    }
