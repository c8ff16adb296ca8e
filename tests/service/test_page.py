"""The sign-in page in a real browser, against a real server: from the link of the first start to a key that works."""

import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service.test_serve import HEADHUNT, answers, free_port, until

pytestmark = pytest.mark.slow
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PASSWORD = "correct horse battery"


def test_the_link_of_the_first_start_leads_to_a_password_and_a_key(tmp_path: Path) -> None:
    browsing = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if BROWSER is None:
        pytest.skip("no Chromium is installed")
    port = free_port()
    words = [*HEADHUNT, "serve", "--port", str(port), "--workers", "0", "--home", str(tmp_path / "home")]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        server.stdout.readline()
        link = server.stdout.readline().split()[-1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            until(lambda: answers(client))
            with browsing.sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
                page = browser.new_page()
                faults: list[str] = []
                page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
                page.goto(link)
                page.click("#link button")
                page.fill("input[name=new]", PASSWORD)
                page.click("#password button")
                page.fill("#sign-in input[name=name]", "admin")
                page.fill("#sign-in input[name=password]", "wrong password")
                page.click("#sign-in button")
                page.wait_for_selector("#told.wrong")
                page.fill("#sign-in input[name=password]", PASSWORD)
                page.click("#sign-in button")
                page.fill("#key input[name=name]", "<img src=x onerror=alert(1)>")
                page.click("#key button")
                page.wait_for_selector("#secret:has-text('hh_')")
                secret = page.text_content("#secret")
                held = {"Authorization": f"Bearer {secret}"}
                page.goto(link)
                page.click("#link button")
                page.wait_for_selector("#told.wrong")
                a_mailed_link_asks_who_it_is(client, browser.new_page(), held)
                browser.close()
            assert client.get("/api/v1/datasets", headers=held).json() == {"items": [], "next": None}
        assert not [one for one in faults if "401" not in one], faults
    finally:
        server.terminate()
        server.wait(240)
        if server.stdout is not None:
            server.stdout.close()


def a_mailed_link_asks_who_it_is(client: httpx.Client, page: Any, held: dict[str, str]) -> None:
    run = uuid.uuid4().hex
    begun = {"experiment": "flowers", "name": "by night"}
    assert client.put(f"/api/v1/runs/{run}", headers=held, json=begun).is_success
    project = client.get("/api/v1/session", headers=held).json()["project"]
    link = str(client.base_url.join(f"/projects/{project}/runs/{run}"))
    page.goto(link)
    page.fill("#sign-in input[name=name]", "admin")
    page.fill("#sign-in input[name=password]", PASSWORD)
    page.click("#sign-in button")
    page.wait_for_url(link)
    assert "by night" in page.content()
    page.goto(str(client.base_url.join("/sign-in?then=//example.org/projects/")))
    page.wait_for_selector("#inside:not([hidden])")
