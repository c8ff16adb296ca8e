"""The routes, by resource. A route is a few lines: who may, what is asked of whom, what is answered."""
