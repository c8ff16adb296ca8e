"""The same recommendation from a server. `headhunt.suggest_model(path, server=...)` comes here.

    credentials  which server, and with which key       login    how a key comes there
    transport    one server, over HTTP: asks, and asks again when the connection is lost
    reading      an answer, as far as is sensible
    problems     what a server says went wrong, as the error that it raised
    sending      the sample goes there: only the files that it lacks
    asking       the recommendation is asked for once, however often the call is made
    following    its progress, and its end, over any number of connections
    weights      a model of the server comes here
    engine       all of it together

Nothing here knows the server's own code, and nothing but `engine.py`'s way to a network loads torch.
"""
