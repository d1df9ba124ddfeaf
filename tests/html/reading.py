"""Reading fragments of HTML: whether they are well formed and keep to themselves, and what they say."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree


class _Reader(HTMLParser):
    """Follows the tags as HTML reads them, and collects the texts that a reader sees."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.texts, self.tags = [], [], set()

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.tags.add(tag)
        for name, value in attributes:
            assert not name.startswith("on")
            assert name not in ("src", "href")
            assert value is not None
        names = [name for name, _ in attributes]
        assert len(set(names)) == len(names)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1] != "style":
            self.texts.append(data)


def texts(fragment):
    """The texts of a fragment in order, after checks that it is well formed, has heads, and needs nothing more."""
    reader = _Reader()
    reader.feed(fragment)
    reader.close()
    assert reader.open == []
    assert not reader.tags & {"script", "link", "iframe", "object", "img"}
    assert not re.search(r"url\(|@import|https?:", fragment)
    tree = ElementTree.fromstring(fragment)
    assert tree.get("class") == "chainrule"
    for table in tree.iter("table"):
        assert table.findtext("caption")
        for row in table.iter("tr"):
            for head in row.findall("th"):
                assert head.get("scope") in ("row", "col")
        for head in table.iter("thead"):
            assert all("".join(cell.itertext()) for cell in head.iter("th"))
    for drawing in tree.iter("svg"):
        assert drawing.get("role") == "img"
        assert drawing.get("aria-label")
    return reader.texts


def rows(fragment, caption):
    """The cells of the table with a caption, row by row, its heads first."""
    tree = ElementTree.fromstring(fragment)
    (table,) = [table for table in tree.iter("table") if table.findtext("caption").startswith(caption)]
    return [["".join(cell.itertext()) for cell in row] for row in table.iter("tr")]
