"""Tunings: jobs that search for the hyper-parameters of a fine-tuning, and keep the best in the zoo.

asking     what is asked, checked before there is a job
keeping    the study, kept as all studies of the service
job        in a child of a worker: the search, and what came of it
state      a study is paused, resumed, stopped; its job is cancelled
"""
