"""Texts as every database can hold them."""


def storable(text: str) -> str:
    """The text without what no database takes: NUL, and halves of characters that some model put out."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
