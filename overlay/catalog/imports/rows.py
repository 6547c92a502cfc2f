"""What every parser gives: products as some rows describe them, and what was refused.

A product names only what its format knows (`fields`, of `ProductDraft`), so that the rest of a
product that is there stays as it is. Texts come in here through `text` and `identifier`: NFC, no
control characters, no writing direction tricks.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from overlay import checks
from overlay.catalog import values
from overlay.catalog.rules import slug
from overlay.catalog.values import ProductDraft
from overlay.errors import InvalidInput

MAX_FILE_BYTES = 20 * 1024 * 1024
MAX_ROWS = 5000
MAX_FIELD_CHARS = 100_000
MAX_REFUSALS = 1000
"""That are told one by one; the rest is counted."""


class NoImport(InvalidInput):
    """The whole file cannot be read: its form, its size, its columns. The message says where."""

    code = "not_importable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the format does not say, and whoever imports does."""

    currency: str | None = None
    """ISO 4217, for formats without one; others may name this one only."""
    default_stock: int | None = None
    """For what is in stock in an unknown number."""
    keep_stock: bool = False
    """Leave the stock of what is there alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Something of the file that cannot be imported. `row` counts from 1, headings included."""

    row: int
    product: str | None
    field: str | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedProduct:
    """A product as some rows describe it."""

    row: int
    """The first of its rows."""
    id: str
    fields: Mapping[str, Any]
    """By the names of `ProductDraft`."""
    row_of_variant: tuple[int, ...] = ()

    def draft(self, defaults: Mapping[str, Any]) -> ProductDraft:
        """With `defaults` for what the file does not say."""
        return ProductDraft(**{**defaults, **self.fields})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A file, read."""

    products: tuple[ParsedProduct, ...]
    refused: tuple[Refusal, ...]
    rows: int


@dataclass(slots=True)
class Reading:
    """A file while it is read: collects products and refusals."""

    products: list[ParsedProduct] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    rows: int = 0
    _ids: set[str] = field(default_factory=set)

    def add(self, product: ParsedProduct) -> None:
        """One more; a second of the same id is refused."""
        if product.id in self._ids:
            self.refuse(product.row, product.id, "id", f"{product.id} is in the file twice.")
            return
        self._ids.add(product.id)
        self.products.append(product)

    def refuse(self, row: int, product: str | None, field: str | None, message: str) -> None:
        """What cannot be taken."""
        self.refused.append(Refusal(row=row, product=product, field=field, message=message))

    @contextmanager
    def refusing(self, row: int, product: str | None) -> Iterator[None]:
        """Whatever is refused inside is refused of this row."""
        try:
            yield
        except NoImport:
            raise
        except InvalidInput as exc:
            self.refuse(row, product, exc.field, str(exc))

    def done(self) -> Parsed:
        """What has been read."""
        return Parsed(products=tuple(self.products), refused=tuple(self.refused), rows=self.rows)


def decoded(content: bytes) -> str:
    """The file as text: UTF-8, with or without a byte order mark. Raises `NoImport`."""
    if len(content) > MAX_FILE_BYTES:
        raise NoImport(f"The file has {len(content)} bytes; {MAX_FILE_BYTES} is the most.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = content[: exc.start].count(b"\n") + 1
        raise NoImport(f"The file is not a text in UTF-8: line {line} holds other bytes.") from None


def currency_of(terms: Terms, what: str) -> str:
    """The currency for a format that names none. Raises `NoImport`."""
    if terms.currency is None:
        raise NoImport(f"{what} names no currency: say which, as in currency=EUR.")
    return terms.currency


@contextmanager
def naming(row: int) -> Iterator[None]:
    """Whatever is refused inside names this row of the product's."""
    try:
        yield
    except InvalidInput as exc:
        raise InvalidInput(f"Row {row}: {exc}", field=exc.field) from None


def refuse_many(count: int) -> None:
    """Raise `NoImport` for more rows than a file may have."""
    if count > MAX_ROWS:
        raise NoImport(f"The file has more than {MAX_ROWS} rows. Split it.")


def text(value: Any, field: str) -> str:
    """One line, NFC, white space made plain."""
    return " ".join(_clean(value, field).split())


def lines(value: Any, field: str) -> str:
    """Several lines, NFC, ends of lines made plain."""
    cleaned = _clean(value, field).replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return re.sub(
        r"\n{3,}", "\n\n", "\n".join(line.strip() for line in cleaned.split("\n"))
    ).strip()


def prose(value: Any, field: str) -> str:
    """The text of a description in HTML; cut at a word where it is too long for a product."""
    raw = _clean(value, field)
    if "<" in raw or "&" in raw:
        raw = html.unescape(_untagged(raw))
    plain = lines(_visible(raw), field)
    most = values.MAX_DESCRIPTION_CHARS
    return plain if len(plain) <= most else plain[: most - 2].rsplit(" ", 1)[0] + " …"


def identifier(value: Any, field: str) -> str:
    """An id of ours for one of theirs: the same where it is legal, else as near as can be."""
    given = text(value, field)
    if checks.IDENTIFIER.fullmatch(given):
        return given
    made = slug([given])
    if not made:
        raise InvalidInput(f"{field} is missing, or nothing of it can be an id.", field=field)
    return made


def count(value: Any, field: str, *, debt: bool = False) -> int:
    """A number of units: digits, with ``.0`` at most behind them.

    Less than nothing is refused, or nothing where a shop keeps what it owes as a negative stock.
    """
    given = text(value, field)
    match = re.fullmatch(r"(-?)([0-9]{1,18})(?:\.0{1,6})?", given)
    if match is None:
        raise InvalidInput(f"{field} must be a whole number.", field=field)
    units = int(match[2])
    if match[1] and units and not debt:
        raise InvalidInput(f"{field} is less than nothing.", field=field)
    if units > values.MAX_STOCK:
        raise InvalidInput(f"{field} must be at most {values.MAX_STOCK}.", field=field)
    return 0 if match[1] else units


def truth(value: Any, field: str) -> bool:
    """Yes or no, in the ways that exports write it."""
    word = text(value, field).lower()
    if word in ("true", "1", "yes"):
        return True
    if word in ("false", "0", "no", ""):
        return False
    raise InvalidInput(f"{field} must be true or false.", field=field)


def web_address(value: Any, field: str) -> str:
    """The address of a picture. Those with characters outside ASCII or spaces are encoded."""
    given = text(value, field)
    encoded = "".join(
        c if "!" <= c <= "~" and c not in "\\^" else "".join(f"%{b:02X}" for b in c.encode())
        for c in given
    )
    if encoded.startswith("//"):
        encoded = f"https:{encoded}"
    return encoded


def _clean(value: Any, field: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidInput(f"{field} must be a text.", field=field)
    if len(value) > MAX_FIELD_CHARS:
        raise InvalidInput(
            f"{field} has {len(value)} characters; {MAX_FIELD_CHARS} is the most.", field=field
        )
    found = checks.UNPRINTABLE.search(_SPACE.sub("", value))
    if found:
        raise InvalidInput(
            f"{field} holds a character that must not be there: U+{ord(found[0]):04X}.",
            field=field,
        )
    return unicodedata.normalize("NFC", value)


_SPACE = re.compile("[\n\r\t]")
_ENDS = re.compile("\r\n|[\r\n]")
_BREAKS = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol"})
_SILENT = frozenset({"script", "style", "head", "template"})
_TAG = re.compile(r"(!--|[!/?]?[A-Za-z][A-Za-z0-9]*)")


def _visible(raw: str) -> str:
    """Without what entities may have brought in again."""
    return "\n".join(checks.UNPRINTABLE.sub("", line) for line in _ENDS.split(raw))


def _untagged(raw: str) -> str:
    """The text between tags, in one pass however the tags are nested or left open."""
    first, *pieces = raw.split("<")
    parts, until = [first], ""
    for piece in pieces:
        if until:
            if until in piece.lower() or piece.lower().startswith(until.removeprefix("<")):
                until = ""
                parts.append(piece.partition(">")[2])
            continue
        tag = _TAG.match(piece)
        if tag is None:
            parts.append(f"<{piece}")
            continue
        name, _, data = tag[1].lower(), *piece.partition(">")[1:]
        if name == "!--":
            until = "" if "-->" in piece else "-->"
            data = piece.partition("-->")[2]
        elif name in _SILENT:
            until, data = f"</{name}", ""
        parts.append(f"\n{data}" if name.lstrip("/") in _BREAKS else data)
    return "".join(parts)


Parser = Callable[[bytes, Terms], Parsed]
