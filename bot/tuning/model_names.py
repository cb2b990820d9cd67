"""What a model of one's own may be called."""

import re
import unicodedata

_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 40


def model_name(wanted: str) -> str:
    """Return a name with only what a model's name may have: "Küche" is Kuche, and "###" is empty."""
    letters = unicodedata.normalize("NFKD", wanted.replace("ß", "ss"))
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return _NO_NAME.sub("-", plain).strip("-._")[:_LONGEST_NAME].rstrip("-._")
