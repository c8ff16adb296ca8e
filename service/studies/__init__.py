"""Studies of a team: kept in the database, asked and told over HTTP.

store      their rows: made, found, paused, removed; who may see them
turns      one at a time is at a study, and what Optuna wrote is kept with all else or not at all
desk       trials: given, heard of, ended, given again
telling    each trial as a run of the tracker
"""
