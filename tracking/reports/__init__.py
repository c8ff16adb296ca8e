"""Reports of a run: what they say (facts, building, conditions), and how they look.

    RunReport --child, bounded in time and memory--> charts -> page (HTML) + paper (PDF) -> letter (a mail)

All drawing is done in a child process (rendering.py): neither the web process nor a worker ever loads what draws.
"""
