"""`suggest`: by this process, or by the server that was named, where one signed in, or that the environment names."""

import argparse
import importlib

from headhunt.cli.opening import warn
from headhunt.cli.render import as_json
from headhunt.cli.telling import Stages, told, wanted
from headhunt.cli.values import whole
from headhunt.home import home_folder
from headhunt.remote.credentials import chosen

LOCALLY = "headhunt.cli.recommend"
"""Loads torch: only where this process does the work."""


def suggest_model(asked: argparse.Namespace) -> None:
    found = chosen(asked.server, None, home_folder())
    if found is not None:
        ask_server(asked, found.url, found.key)
    else:
        importlib.import_module(LOCALLY).suggest_model(asked)


def ask_server(asked: argparse.Namespace, url: str, key: str) -> None:
    from headhunt.remote import engine
    from headhunt.remote.address import in_the_clear
    from headhunt.remote.transport import Server

    warn(*filter(None, [in_the_clear(url)]))
    home = home_folder()
    with Server(url, key) as server, Stages() as stages:
        if asked.job is None and asked.wait:
            rec = engine.suggest(server, home, asked.sample, wanted(asked), stages.show)
        else:
            job = (
                engine.find(server, asked.job)
                if asked.job is not None
                else engine.ask(server, home, asked.sample, wanted(asked), stages.show)[0]
            )
            if not asked.wait:
                print(as_json(job) if asked.json else f"{job.id}  {job.state}  {engine.link(server, job)}")
                return
            rec = engine.answer(server, home, job, stages.show)
    told(rec, whole("top", asked.top), asked.json)
