"""The routes, by resource. A route is a few lines: whom it is for, what is asked of whom, what is answered."""

from service.routes import (
    blobs,
    datasets,
    jobs,
    keeping,
    keys,
    projects,
    recommendations,
    reports,
    runs,
    sessions,
    studies,
    tunings,
    uploads,
    users,
    zoo,
)

ROUTES = [
    *sessions.ROUTES,
    *users.ROUTES,
    *projects.ROUTES,
    *keys.ROUTES,
    *datasets.ROUTES,
    *blobs.ROUTES,
    *uploads.ROUTES,
    *recommendations.ROUTES,
    *jobs.ROUTES,
    *zoo.ROUTES,
    *keeping.ROUTES,
    *runs.ROUTES,
    *reports.ROUTES,
    *studies.ROUTES,
    *tunings.ROUTES,
]
