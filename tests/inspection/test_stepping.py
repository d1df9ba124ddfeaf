"""The page for stepping: its layout, its programs, and its behaviour in a real browser."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from chainrule import explain, grad
from chainrule.errors import OptionError
from chainrule.inspection.stepping.layout import layered

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: the page is not opened")

REPORT = """
<script>
window.__errors=[];
window.addEventListener("error",e=>window.__errors.push(String(e.message)));
</script>
"""


def opened(page, actions, tmp_path):
    """Run JavaScript on a page in headless chromium: the value of `report`, and no errors."""
    driver = f"""<script>
(()=>{{const key=k=>document.body.dispatchEvent(new KeyboardEvent("keydown",{{key:k,bubbles:true}}));
const click=name=>
document.querySelector(`g[data-name="${{name}}"]`).dispatchEvent(new MouseEvent("click",{{bubbles:true}}));
const type=(name,text,k=0)=>{{const i=document.querySelectorAll(`input[data-name="${{name}}"]`)[k];i.value=text;
i.dispatchEvent(new Event("input",{{bubbles:true}}));}};
const words=()=>[...document.querySelectorAll("#words p")].map(p=>p.textContent);
let report=null;{actions}
const out=document.createElement("pre");out.id="report";
out.textContent=JSON.stringify({{report,errors:window.__errors}});
document.body.appendChild(out);}})();</script></body>"""
    file = tmp_path / "page.html"
    file.write_text(page.replace("<head>", "<head>" + REPORT).replace("</body>", driver), encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", file.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    found = re.search(r'<pre id="report">(.*?)</pre>', dom, re.DOTALL)
    assert found, dom[-2000:]
    text = found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    answer = json.loads(text)
    assert answer["errors"] == []
    return answer["report"]


def loss(w, b, x, t):
    y = 1 / (1 + np.exp(-(w * x + b)))
    return 0.5 * (y - t) ** 2 + 0.05 * w**2


POINT = (2.0, 1.0, 0.5, 1.0)


@needs_browser
def test_stepping_by_key_and_by_click(tmp_path):
    page = explain(loss)(*POINT).html(tmp_path / "out.html")
    assert (tmp_path / "out.html").read_text(encoding="utf-8") == page
    report = opened(
        page,
        """report={};report.start=words();key("ArrowRight");report.one=words();key("End");report.end=words();
        key("ArrowLeft");report.before=words();document.getElementById("first").click();
        click("v4");report.v4=words();click("v4");report.back=words();
        document.getElementById("next").click();report.place=document.getElementById("place").textContent;
        report.boxes=document.querySelectorAll("g.node").length;
        report.lines=document.querySelectorAll("svg path").length;""",
        tmp_path,
    )
    assert report["one"] == ["Forward, step 1 of 12", "v1 = w * x", "    w = 2", "    x = 0.5", "v1 = 1"]
    assert "2 paths meet at w, and what comes back on them is added:" in report["end"]
    assert report["end"][-1] == "dL/dw = 0.193742"
    assert report["before"][-1].startswith("dL/db = −0.0125")
    assert report["v4"][-1] == "v4 = 0.135335"
    assert report["back"][-1] == "dL/dv4 = 0.092478"
    assert report["place"].startswith("backward ")
    assert (report["boxes"], report["lines"]) == (16, 16)


@needs_browser
def test_a_number_that_is_typed_runs_through(tmp_path):
    page = explain(loss)(*POINT).html()
    report = opened(
        page,
        """type("w","-1.25");type("x","3e-1");report=Object.fromEntries(Object.entries(derivative).map(([k,v])=>[k,v[0]]));
        report.value=value[OUT][0];type("w","no number");report.kept=value[OUT][0];""",
        tmp_path,
    )
    args = (-1.25, 1.0, 0.3, 1.0)
    assert report["value"] == report["kept"] == pytest.approx(loss(*args), rel=1e-13)
    for name, expected in zip("wbxt", grad(loss, (0, 1, 2, 3))(*args), strict=True):
        assert report[name] == pytest.approx(expected, rel=1e-12)


ARRAYS = {
    "network": (lambda W, v, x: np.sum((v @ np.tanh(W @ x) - 0.5) ** 2), ((2, 3), (2,), (3,))),
    "matrices": (lambda a, b: np.sum(np.exp(a @ b)[1:, ::-1] * a[0, 0]) / np.mean(a**2 + 1), ((2, 3), (3, 2))),
    "softmax": (lambda x: np.log(np.sum(np.exp(x - np.max(x)))) + np.max(x) - x[1], ((4,),)),
    "broadcast": (lambda x, b: np.sum(np.concatenate([x + b, x.T[:2]]) * x[0]), ((3, 3), (3,))),
    "choices": (lambda x: np.sum(np.where(x > 0, x, 0.1 * x) + abs(x) + np.maximum(x, 0)), ((5,),)),
    "special": (lambda x: np.sum(np.sqrt(x**2 + 1) + np.log1p(x**2) + np.arctan(x) + np.logaddexp(x, 0)), ((4,),)),
}


@needs_browser
@pytest.mark.parametrize("name", ARRAYS)
def test_small_arrays(name, tmp_path):
    f, shapes = ARRAYS[name]
    rng = np.random.default_rng(1)
    start = [rng.normal(size=shape) for shape in shapes]
    moved = [x.copy() for x in start]
    moved[0].flat[0] += 0.125
    page = explain(f)(*start).html()
    first = next(iter(f.__code__.co_varnames))
    report = opened(
        page,
        f"type({first!r},{str(moved[0].flat[0])!r});report=[value[OUT],V.filter(v=>!v.run).map(v=>derivative[v.name])];",
        tmp_path,
    )
    np.testing.assert_allclose(report[0][0], f(*moved), rtol=1e-12)
    for found, expected in zip(report[1], grad(f, tuple(range(len(start))))(*moved), strict=True):
        np.testing.assert_allclose(found, np.ravel(expected), rtol=1e-10, atol=1e-12)


def test_nothing_comes_from_elsewhere():
    page = explain(loss)(*POINT).html()
    without_names = page.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|src=|@import|url\(", without_names)
    assert "prefers-color-scheme" in page
    assert 'name="viewport"' in page


def test_what_the_page_cannot_compute_is_named():
    with pytest.raises(OptionError, match=r"np\.cumsum"):
        explain(lambda x: np.sum(np.cumsum(x)))(np.ones(3)).html()
    with pytest.raises(OptionError, match="up to 64 entries"):
        explain(lambda x: np.sum(x))(np.ones(65)).html()


def test_layout():
    order = ["w", "x", "v1", "v2", "v3"]
    places, through = layered(order, {"v1": ["w", "x"], "v2": ["v1"], "v3": ["v2", "w"]})
    assert len(set(places.values()) | {place for line in through.values() for place in line}) == 7
    assert [places[name][1] for name in order] == [0, 0, 1, 2, 3]
    assert list(through) == [("w", "v3")]
