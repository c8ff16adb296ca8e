"""A worker of studies who speaks JSON."""

from typing import Any

from service.database import Database
from service.tables import study_trials
from tests.service.asking import Client, bearer

STUDIES = "/api/v1/studies"
SPACE = {
    "x": {"type": "double", "low": -5, "high": 5},
    "opt": {"type": "choice", "values": ["sgd", "adamw"]},
    "momentum": {"type": "double", "low": 0.5, "high": 0.99, "when": {"opt": ["sgd"]}},
    "epochs": 3,
}


class Worker:
    """Somebody who speaks JSON."""

    def __init__(self, client: Client, key: str, study: str = "bowl") -> None:
        self.client, self.headers, self.study = client, bearer(key), study

    def post(self, path: str = "", body: Any = None, **headers: str) -> Any:
        return self.client.post(
            f"{STUDIES}{path}", headers={**self.headers, **headers}, json={} if body is None else body
        )

    def get(self, path: str = "", **asked: Any) -> Any:
        return self.client.get(f"{STUDIES}{path}", headers=self.headers, params=asked)

    def make(self, **more: Any) -> Any:
        body = {"name": self.study, "space": SPACE, "trials": 6, "seed": 0, "algo": "random"} | more
        return self.post(body={name: one for name, one in body.items() if one is not ...})

    def ask(self, **more: Any) -> Any:
        answer = self.post(f"/{self.study}/trials", more)
        assert answer.status_code == (200 if answer.json()["trial"] is None else 201), answer.text
        return answer.json()

    def read(self, trial: Any, step: Any = None, loss: Any = None) -> Any:
        body = {"token": trial["token"]} | ({} if step is None else {"step": step, "loss": loss})
        return self.post(f"/{self.study}/trials/{trial['number']}/readings", body)

    def tell(self, trial: Any, **result: Any) -> Any:
        return self.post(f"/{self.study}/trials/{trial['number']}/result", {"token": trial["token"], **result})

    def shown(self) -> Any:
        return self.get(f"/{self.study}").json()

    def trials(self) -> Any:
        return self.get(f"/{self.study}/trials").json()["items"]


def problem(answer: Any, status: int, code: str) -> str:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return str(answer.json()["detail"])


def silence(database: Database, number: int) -> None:
    """Nothing was heard of this trial for longer than its lease."""
    with database.write() as connection:
        mine = study_trials.c.number == number
        connection.execute(study_trials.update().where(mine).values(seen=database.now - 61.0))
