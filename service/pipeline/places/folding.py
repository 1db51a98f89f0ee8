"""Names in the form in which they are compared: without case, umlauts, accents and punctuation."""

import re
import unicodedata

LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe"})
NO_WORD = re.compile(r"[^0-9a-z]+")
SHORT_WORDS = {"sankt": "st", "saint": "st"}


def folded(name: str) -> str:
    """A name with umlauts as two letters: "muenchen" for München."""
    composed = unicodedata.normalize("NFC", name).lower()
    return words(composed.translate(LETTERS))


def plain(name: str) -> str:
    """A name with umlauts as their base letters: "munchen" for München."""
    return words(unicodedata.normalize("NFC", name).lower().replace("ß", "ss"))


def words(text: str) -> str:
    """Words of a text in lower case, without accents, with a space between."""
    decomposed = unicodedata.normalize("NFKD", text)
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join(SHORT_WORDS.get(word, word) for word in NO_WORD.sub(" ", bare).split())
