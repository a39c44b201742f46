# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real browser without a screen, driven over its own pipe (Chrome DevTools Protocol): no driver, no open port.

It runs in a network namespace of its own where nothing but the loopback exists, with a profile that is removed at the end.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Optional

LIMIT = 30
FLAGS = (
    *("--headless=new", "--no-first-run", "--no-default-browser-check", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions", "--hide-scrollbars"),
    *("--remote-debugging-pipe", "--force-device-scale-factor=1", "--font-render-hinting=none", "--lang=en-US"),
)


class Chromium:
    """A running browser with one page.

    Attributes:
        events: everything that the page has told of itself, in order.
    """

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self._number, self._rest, self._answers = 0, b"", {}
        self._profile = tempfile.mkdtemp(prefix="chromium-")
        to_read, self._out = os.pipe()
        self._in, to_write = os.pipe()
        sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
        command = ("chromium", *FLAGS, *sandbox, f"--user-data-dir={self._profile}", "about:blank")
        # The browser reads descriptor 3 and writes descriptor 4; unshare takes away every network but a loopback that is down.
        shell = f'exec 3<&{to_read} 4>&{to_write}; exec "$@"'
        apart = ("unshare", "--net") if os.geteuid() == 0 else ("unshare", "--net", "--map-root-user")
        self._log = Path(self._profile, "log")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ("bash", "-c", shell, "bash", *apart, *command),
                pass_fds=(to_read, to_write),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "HOME": self._profile, "XDG_CONFIG_HOME": self._profile, "XDG_CACHE_HOME": self._profile},
            )
        os.close(to_read)
        os.close(to_write)
        self._session = ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM", "Accessibility"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *_error: object) -> None:
        # Asked to end, it waits for its own children; a browser that does not listen is killed with them.
        with contextlib.suppress(OSError, RuntimeError, subprocess.TimeoutExpired):
            self._session = ""
            self.call("Browser.close")
            self._process.wait(5)
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait(LIMIT)
        os.close(self._in)
        os.close(self._out)
        shutil.rmtree(self._profile, ignore_errors=True)

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """One command of the protocol, and its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": arguments}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        number = self._number
        self.wait(lambda: number in self._answers, method)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def wait(self, done: Callable[[], Any], what: str) -> None:
        """Read what the browser says until it has said enough."""
        end = time.monotonic() + LIMIT
        while not done():
            ready, _writable, _failed = select.select([self._in], [], [], max(0.0, end - time.monotonic()))
            data = os.read(self._in, 1 << 20) if ready else b""
            if not data:
                raise RuntimeError(
                    f"{what}: the browser {'has ended' if ready else 'is silent'}: {self._log.read_text(errors='replace')[-2000:]}"
                )
            *whole, self._rest = (self._rest + data).split(b"\0")
            for text in whole:
                message = json.loads(text)
                if "id" in message:
                    self._answers[message["id"]] = message
                else:
                    self.events.append(message)

    def open(self, url: str) -> None:
        """Load a page and wait until it stands."""
        self.events.clear()
        self.call("Page.navigate", url=url)
        self.wait(lambda: any(event["method"] == "Page.loadEventFired" for event in self.events), url)

    def look(self, width: int, scheme: str = "light", media: str = "") -> None:
        """Take a width in pixels, a colour scheme, and screen or print."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": scheme}])

    def run(self, script: str) -> Any:
        """The value of an expression, in a world of its own that the page's policy of content does not bind."""
        frame = self.call("Page.getFrameTree")["frameTree"]["frame"]["id"]
        world = self.call("Page.createIsolatedWorld", frameId=frame)["executionContextId"]
        result = self.call("Runtime.evaluate", expression=script, contextId=world, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"])[:2000])
        return result["result"].get("value")

    def press(self, key: str, code: int, text: str = "") -> None:
        """One key of the keyboard."""
        common = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def picture(self, path: Optional[Path] = None, height: int = 0) -> bytes:
        """The whole page as PNG, or its beginning."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height or min(size["height"], 16000), "scale": 1}
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"])
        if path:
            path.write_bytes(data)
        return data

    def pdf(self) -> bytes:
        """The page as it is printed."""
        return base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=False)["data"])

    def requests(self) -> list[str]:
        """The addresses that the page has asked for since it was opened."""
        return [event["params"]["request"]["url"] for event in self.events if event["method"] == "Network.requestWillBeSent"]

    def complaints(self) -> list[str]:
        """What the page's console holds: errors, warnings, breaches of its policy."""
        found = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
        return [json.dumps(event["params"]) for event in self.events if event["method"] in found]
