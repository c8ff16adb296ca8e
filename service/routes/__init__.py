"""The routes, by resource. A route is a few lines: whom it is for, what is asked of whom, what is answered."""

from service.routes import datasets, keys, projects, recommendations, sessions, users, zoo

ROUTES = [
    *sessions.ROUTES,
    *users.ROUTES,
    *projects.ROUTES,
    *keys.ROUTES,
    *datasets.ROUTES,
    *recommendations.ROUTES,
    *zoo.ROUTES,
]
