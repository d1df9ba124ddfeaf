"""Pages in a real browser: headless Chromium, driven through its DevTools protocol over a pair of pipes.

Tests take the fixture `browser` (conftest.py), which skips them where there is no Chromium:

    def test_page(browser):
        with browser.open(text_or_path, width=390, dark=True) as page:
            page.click("#next")
            page.press("ArrowRight")
            assert page.evaluate("document.title") == "..."
            check_readable(page)

At the end of the `with`, what the page wrote to the console as an error, an exception in its scripts, or an address
from which it fetched anything fails the test.
"""

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
#: Seconds for any one answer: a busy machine starts a browser in ten.
_PATIENCE = 90
#: Code and text of keys that are more than a letter.
_KEYS = {
    "ArrowLeft": (37, ""),
    "ArrowUp": (38, ""),
    "ArrowRight": (39, ""),
    "ArrowDown": (40, ""),
    "End": (35, ""),
    "Home": (36, ""),
    "Tab": (9, ""),
    "Escape": (27, ""),
    "Enter": (13, "\r"),
    " ": (32, " "),
}


class Browser:
    """A Chromium process, in which `open` makes pages; `close` ends it."""

    def __init__(self):
        self._folder = tempfile.mkdtemp(prefix="chainrule-browser-")
        self._numbers, self._pages, self._buffer = 0, {}, b""
        # Chromium reads commands from descriptor 3 and writes answers to 4.
        (commands, self._out), (self._in, answers) = os.pipe(), os.pipe()
        # Moved up, so that neither stands where the other is to go.
        theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (commands, answers)]
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe"]
        command = [CHROMIUM, *options, f"--user-data-dir={self._folder}/profile", "about:blank"]
        actions = [
            (os.POSIX_SPAWN_DUP2, theirs[0], 3),
            (os.POSIX_SPAWN_DUP2, theirs[1], 4),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        # A group of its own: it starts processes, which end with it.
        self._process = os.posix_spawn(CHROMIUM, command, os.environ, file_actions=actions, setpgroup=0)
        for end in (commands, answers, *theirs):
            os.close(end)

    def open(self, page, *, width=1000, height=800, dark=False):
        """Show a file, or a text of HTML, in a page so many pixels wide; below 600 as a phone does."""
        if not isinstance(page, Path):
            text, page = page, Path(self._folder, f"{self._numbers}.html")
            page.write_text(text, encoding="utf-8")
        assert page.is_file(), f"there is no file {page}"
        return Page(self, page, width, height, dark)

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        os.close(self._out)
        os.close(self._in)
        shutil.rmtree(self._folder, ignore_errors=True)

    def send(self, method, session=None, **parameters):
        """Send one command; return its result when it is there."""
        self._numbers += 1
        number = self._numbers
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data) :]
        return self.listen(lambda answer: answer.get("id") == number, method)

    def listen(self, found, what):
        """Read messages up to the one that is waited for; hand the events among them to their pages."""
        end = time.monotonic() + _PATIENCE
        while True:
            whole, sign, rest = self._buffer.partition(b"\0")
            if not sign:
                ready, _, _ = select.select([self._in], [], [], max(0, end - time.monotonic()))
                more = os.read(self._in, 1 << 20) if ready else b""
                if not more:
                    raise AssertionError(f"{what}: the browser {'ended' if ready else f'is silent for {_PATIENCE} s'}")
                self._buffer += more
                continue
            self._buffer = rest
            message = json.loads(whole)
            page = self._pages.get(message.get("sessionId"))
            if page is not None and "method" in message:
                page.hear(message["method"], message["params"])
            if found(message):
                if "error" in message:
                    raise AssertionError(f"{what}: {message['error']}")
                return message.get("result", {})


class Page:
    """A page that is shown; `errors` holds what went wrong in it."""

    def __init__(self, browser, path, width, height, dark):
        self.errors, self._loaded, self._browser = [], 0, browser
        self._target = browser.send("Target.createTarget", url="about:blank")["targetId"]
        attached = browser.send("Target.attachToTarget", targetId=self._target, flatten=True)
        self._session = attached["sessionId"]
        browser._pages[self._session] = self
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[theme])
        self.send("Page.navigate", url=path.resolve().as_uri())
        browser.listen(
            lambda m: m.get("method") == "Page.loadEventFired" and m.get("sessionId") == self._session, str(path)
        )

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        # What was scheduled has its turn before the errors are counted.
        if kind is None:
            self.evaluate("new Promise(done => setTimeout(done))")
        self.send("Page.close")
        del self._browser._pages[self._session]
        if kind is None:
            assert not self.errors, self.errors

    def send(self, method, **parameters):
        return self._browser.send(method, self._session, **parameters)

    def hear(self, method, found):
        """Keep what is an error, and count the documents that have been loaded."""
        if method == "Page.loadEventFired":
            self._loaded += 1
        elif method == "Runtime.exceptionThrown":
            self.errors.append(_exception(found["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and found["type"] in ("error", "assert"):
            self.errors.append(" ".join(str(part.get("value", part.get("description"))) for part in found["args"]))
        elif method == "Log.entryAdded" and found["entry"]["level"] == "error":
            self.errors.append(found["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            address = found["request"]["url"]
            if not address.startswith(("file:", "data:", "about:")):
                self.errors.append(f"fetched from {address[:200]}")

    def evaluate(self, expression):
        """The value of an expression of JavaScript, as JSON has it; a promise is waited for."""
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, _exception(found["exceptionDetails"])
        return found["result"].get("value")

    def click(self, selector):
        """Press and release the mouse in the middle of the first such element, which must not be covered."""
        where = f"""(() => {{
            const found = document.querySelector({json.dumps(selector)});
            if (!found) return null;
            found.scrollIntoView({{block: "center", behavior: "instant"}});
            // Of a link that is broken into lines the first one.
            const [box] = found.getClientRects(), x = box.x + box.width / 2, y = box.y + box.height / 2;
            const top = document.elementFromPoint(x, y);
            return [x, y, found.contains(top), top && top.outerHTML.slice(0, 80)];
        }})()"""
        place = self.evaluate(where)
        assert place is not None, f"there is no {selector}"
        x, y, is_free, top = place
        assert is_free, f"{selector} is covered by {top}"
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def follow(self, selector):
        """Click a link to another page, and wait until that is there."""
        before = self._loaded
        self.click(selector)
        if self._loaded == before:
            self._browser.listen(lambda message: self._loaded > before, selector)

    def press(self, key):
        """Press and release a key, by its name in KeyboardEvent.key, where the focus is."""
        code, text = _KEYS[key] if key in _KEYS else (ord(key.upper()), key)
        names = {"key": key, "windowsVirtualKeyCode": code}
        self.send("Input.dispatchKeyEvent", type="keyDown", **names, **({"text": text} if text else {}))
        self.send("Input.dispatchKeyEvent", type="keyUp", **names)

    def write(self, text):
        """Type a text where the focus is."""
        self.send("Input.insertText", text=text)

    def screenshot(self, path):
        """Take a picture (PNG) of the whole page, from top to end."""
        size = self.send("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 16000), "scale": 1}
        found = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        Path(path).write_bytes(base64.b64decode(found["data"]))


def check_readable(page):
    """Assert that nothing sticks out of the page to the side, and that every image is there and says what it shows."""
    sticking = page.evaluate("""(() => {
        const page = document.documentElement, wide = page.clientWidth;
        if (page.scrollWidth <= wide) return [];
        return [...document.body.querySelectorAll("*")].filter(e => e.getBoundingClientRect().right > wide + 1)
            .map(e => e.outerHTML.slice(0, 120)).slice(0, 5);
    })()""")
    assert not sticking, f"sticks out to the side: {sticking}"
    images = page.evaluate("[...document.images].map(i => [i.alt.slice(0, 60), i.complete && i.naturalWidth > 0])")
    missing = [alt for alt, is_there in images if not (alt and is_there)]
    assert not missing, f"no image, or none with words: {missing}"


def _exception(details):
    return details.get("exception", {}).get("description", details["text"])
