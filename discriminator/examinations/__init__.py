"""One examination a module: a function of a Case that gives findings, or none where nothing is wrong."""
