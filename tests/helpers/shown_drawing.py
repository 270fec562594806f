"""Assert the properties that every drawing of a graph must have in a notebook."""

import base64
from xml.etree import ElementTree


def assert_image_with_alt_text(drawing):
    """The output is an <img> that contains the SVG, with the drawing's alternative text."""
    image = ElementTree.fromstring(drawing._repr_mimebundle_()["text/html"].replace(">", "/>"))
    kind, data = image.get("src").split(",")
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(data).decode("utf-8") == drawing.svg
    assert image.get("alt") == drawing.alt
