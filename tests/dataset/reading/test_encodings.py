"""Encodings: what is certain is read, and nothing else is guessed."""

# ruff: noqa: RUF001  letters of many languages
from pathlib import Path

import pytest

from bot.dataset.reading.opening import open_source
from tests.dataset.reading.support import CHATS, CSV, ROWS, cells_of, create_file, error_of, read

WIDE = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-8-sig"]


@pytest.mark.parametrize("encoding", WIDE)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_unicode_is_read_with_and_without_its_mark(tmp_path: Path, encoding: str, end: str) -> None:
    chats = open_source(create_file(tmp_path, "a.jsonl", end.join(CHATS).encode(encoding)))
    assert cells_of(chats) == ROWS
    assert not chats.byte_exact
    assert read(tmp_path, "a.csv", CSV.replace("\n", end).encode(encoding)) == ROWS
    assert read(tmp_path, "b.csv", "\ufeff".encode(encoding) + CSV.encode(encoding)) == ROWS


@pytest.mark.parametrize("content", ["\n".join(CHATS), "\r\n".join(CHATS), "\n\n".join([*CHATS, ""])])
def test_plain_utf_8_can_be_used_as_it_is(tmp_path: Path, content: str) -> None:
    source = open_source(create_file(tmp_path, "a.jsonl", content))
    assert (source.byte_exact, source.notes, source.unread) == (True, (), ())


@pytest.mark.parametrize(
    "text",
    [
        "José Müller’s café – “naïve”",
        "Der Fluß trägt die Mädchen über die Brücke; „schön“, sagt sie.",
        "L’été, il gèle la forêt où naît la rivière, ça va : « déjà ».",
        "¿Quién enfría la sopa del niño? ¡Él! Mañana también.",
        "Ela não congela o coração; a maçã é fria, às vezes.",
        "Perché è più freddo così, però va già bene.",
        "Hun går på isen og fryser søen; Åse ser på.",
        "It’s 30°C — he doesn’t mind… “ice”, he says.",
        "The price is €5, he says.",
    ],
)
def test_western_windows_texts_are_read(tmp_path: Path, text: str) -> None:
    source = open_source(create_file(tmp_path, "a.csv", f'prompt,completion\n1,"{text}"\n'.encode("cp1252")))
    assert cells_of(source) == [{"prompt": "1", "completion": text}]
    assert "cp1252" in source.notes[0]
    assert not source.byte_exact


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1250", "Zażółć gęślą jaźń, lód na rzece"),
        ("cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy"),
        ("cp1250", "Árvíztűrő tükörfúrógép, jéghideg hős"),
        ("cp1251", "Он замораживает озёра для конькобежцев"),
        ("cp1253", "Παγώνει λίμνες για τους παγοδρόμους"),
        ("cp1254", "Gölleri patenciler için donduran şövalye ığdır"),
        ("koi8-r", "Он замораживает озёра"),
        ("mac_roman", "José’s café über naïve"),
        ("cp437", "Müller's café"),
        ("cp850", "él sueña con el café, señor"),
        ("shift_jis", "彼は湖を凍らせる"),
        ("gb18030", "他把湖冻起来"),
        ("euc-kr", "그는 호수를 얼린다"),
    ],
)
def test_no_other_encoding_is_guessed(tmp_path: Path, encoding: str, text: str) -> None:
    said = error_of(create_file(tmp_path, "a.csv", f"prompt,completion\n1,{text}\n".encode(encoding)))
    assert "Line 2 of a.csv is not in UTF-8. Save the file as UTF-8 (in Excel" in said
    assert "cp" not in said


def test_the_line_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    cut = CSV.encode("utf-16")[:-1]
    assert "is UTF-16, but not to its end" in error_of(create_file(tmp_path, "b.csv", cut))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("encodings", "said"),
    [
        (
            ["utf-8", "ascii", "cp1252", "utf-8"],
            "Line 4 of a.csv is not in UTF-8, and the others are (1 of 3 ",
        ),
        (["utf-8", "ascii", "cp1252"], "Line 4 of a.csv is not in UTF-8, and the others are (1 of 2 "),
        (["cp1252", "utf-8", "utf-8"], "Line 2 of a.csv is not in UTF-8, and the others are (1 of 3 "),
        (["cp1252", "cp1252", "utf-8"], "Line 4 of a.csv is in UTF-8, and the others are not (1 of 3 "),
    ],
)
def test_the_first_line_of_another_encoding_is_named(
    tmp_path: Path, end: str, encodings: list[str], said: str
) -> None:
    rows = (
        f"{number},{'an ecole' if encoding == 'ascii' else 'Une école à Paris'}".encode(encoding)
        for number, encoding in enumerate(encodings)
    )
    file = create_file(tmp_path, "a.csv", end.encode().join([b"prompt,completion", *rows, b""]))
    refused = error_of(file)
    assert said in refused
    assert "save each of them as UTF-8 first (or use iconv)" in refused


@pytest.mark.parametrize(("encoding", "words"), [("gbk", "火男土女水"), ("euc-kr", "김힘불창하")])
def test_characters_that_happen_to_be_utf_8_make_no_mixture(
    tmp_path: Path, encoding: str, words: str
) -> None:
    lines = [f"1,{word}".encode(encoding) for word in words]
    assert is_utf_8(lines[3])
    said = error_of(create_file(tmp_path, "a.csv", b"\n".join([b"prompt,completion", *lines, b""])))
    assert "Line 2 of a.csv is not in UTF-8. Save the file as UTF-8 (in Excel" in said


@pytest.mark.parametrize(
    ("encoding", "text"), [("gbk", "他把湖冻起来"), ("cp1251", "Он замораживает озёра для конькобежцев")]
)
def test_a_few_lines_of_utf_8_are_known_by_what_they_hold(tmp_path: Path, encoding: str, text: str) -> None:
    rows = [f"1,{text}".encode(each) for each in (encoding, "utf-8", encoding)]
    said = error_of(create_file(tmp_path, "a.csv", b"\n".join([b"prompt,completion", *rows, b""])))
    assert "Line 3 of a.csv is in UTF-8, and the others are not (1 of 3 " in said


def is_utf_8(line: bytes) -> bool:
    try:
        return bool(line.decode())
    except UnicodeDecodeError:
        return False


def test_a_line_of_utf_8_is_not_read_as_western(tmp_path: Path) -> None:
    rows = ["écoles, été".encode("cp1252"), "école".encode()]  # by cp1252 it would be Ã©cole
    file = create_file(tmp_path, "a.csv", b"\n".join([b"prompt,completion", *(b"1," + row for row in rows)]))
    assert "Line 2 of a.csv is not in UTF-8, and the others are (1 of 2 " in error_of(file)
