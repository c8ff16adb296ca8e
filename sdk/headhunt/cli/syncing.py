"""`headhunt sync`: the runs that lie in the home are brought to a server, from where it has them up to."""

import argparse

from headhunt.cli.opening import warn
from headhunt.errors import BadValue, HeadhuntError, one_line
from headhunt.home import home_folder
from headhunt.remote.credentials import chosen
from headhunt.remote.transport import Server
from headhunt.track.places import Place, places_in
from headhunt.track.sending import FINAL, WAITING, Sender, files_in_words
from headhunt.track.watching import Watched


def sync(asked: argparse.Namespace) -> None:
    home = home_folder()
    found = chosen(asked.server, None, home)
    if found is None:
        raise BadValue("No server is named. Give --server http://host:8765, or sign in once: headhunt login URL.")
    places = list(places_in(home))
    brought = refused = again = 0
    with Server(found.url, found.key) as server:
        server.greet()
        for place in places:
            try:
                if place.arrived(found.url):
                    again += complete(place, server)
                    continue
                again += bring(place, server)
                brought += 1
            except (*WAITING, *FINAL):
                raise
            except (HeadhuntError, OSError) as error:
                refused += 1
                warn(f"{place.id} was not brought: {one_line(error)}.")
    there = len(places) - brought - refused
    runs = "1 run" if brought == 1 else f"{brought} runs"
    print(f"{runs} brought to {found.url}, {there} there already" + (f", {refused} not." if refused else "."))
    if again:
        print(f"{files_in_words(again)} had gone there before the words that name them came: sent again.")
    if refused:
        raise HeadhuntError(f"{refused} runs lie in {home / 'runs'} as before.")


def bring(place: Place, server: Server) -> int:
    """What marks there are go with it. How many files were sent again."""
    watched = Watched(place)
    watched.bury()
    sender = Sender(place, server, watched.mark)
    sender.bring()
    if not place.arrived(server.url):
        sender.bring()
    tell_gone(place, sender)
    return sender.again


def complete(place: Place, server: Server) -> int:
    """Of a run that is there: the files that are not. How many were sent again."""
    if not place.files_sent(server.url):
        return 0
    sender = Sender(place, server, Watched(place).mark)
    sender.bring_lacking()
    if sender.again:
        sender.bring()
    tell_gone(place, sender)
    return sender.again


def tell_gone(place: Place, sender: Sender) -> None:
    if sender.gone:
        warn(f"{place.id}: {files_in_words(sender.gone)} that it names are neither there nor here any longer.")
