"""A server that speaks S3, on this machine, in a process of its own: it can be killed, and come back."""

import subprocess
import sys
from typing import Any

import botocore.session

BUCKET = "hunt"
SERVE = """
import sys, threading
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=int(sys.argv[1]), verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""
KEYS = {
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Bucket:
    def __init__(self) -> None:
        self.port, self.process = 0, None  # type: tuple[int, subprocess.Popen[str] | None]
        self.start()

    def start(self) -> None:
        """An empty bucket, always on the same port."""
        command = [sys.executable, "-W", "ignore", "-c", SERVE, str(self.port)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.client().create_bucket(Bucket=BUCKET)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> Any:
        return botocore.session.get_session().create_client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="nobody",
            aws_secret_access_key="secret",
        )

    def names(self, prefix: str = "") -> list[str]:
        found = self.client().list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return [one["Key"] for one in found]
