"""The JSON of the catalogue."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from mediaserver.api.forms.base import Currency, Id, Price

_Name = Annotated[str, Meta(min_length=1, max_length=200)]
_Fact = Annotated[str, Meta(min_length=1, max_length=120)]
_Terms = Annotated[str, Meta(max_length=300)]
_Option = Annotated[str, Meta(min_length=1, max_length=50)]
_Picture = Annotated[
    str,
    Meta(
        min_length=1, max_length=2000, description="http(s) address, or a path that begins with /"
    ),
]
_Stock = Annotated[
    int,
    Meta(
        ge=0,
        le=10_000_000,
        description="All there ever was to sell, sold and held units included",
    ),
]
_Cap = Annotated[int, Meta(ge=1, le=1_000_000, description="The most that one buyer may have")]
_Policy = Annotated[
    Literal["first_paid", "hold"],
    Meta(description="Whether the order takes the stock, or a cart holds it for a time"),
]
_Bool = Literal["true", "false"]
_Address = Annotated[str, Meta(min_length=1, max_length=2000, description="https://…")]
_Secret = Annotated[str, Meta(min_length=1, max_length=500)]
FileFormat = Literal["csv", "shopify", "woocommerce", "merchant"]


class VariantForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A variant: one value for each option of the product, in its order."""

    id: Id | None = None
    """Made from the options where it is left out."""
    options: Annotated[tuple[_Option, ...], Meta(max_length=5)] = ()
    price_minor: Price
    struck_minor: Price | None = None
    """A higher price, shown struck beside the lowest one of the last 30 days."""
    stock: _Stock | None = None
    sku: Annotated[str, Meta(max_length=100)] = ""
    picture: _Picture | None = None


class ProductForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product as a host describes it: with a price and a stock, or with `options` and `variants`.
    HTML in its texts is text."""

    name: _Name
    description: Annotated[str, Meta(max_length=5000)] = ""
    facts: Annotated[tuple[_Fact, ...], Meta(max_length=5)] = ()
    picture: _Picture | None = None
    """Short for `pictures` with one."""
    pictures: Annotated[tuple[_Picture, ...], Meta(max_length=8)] = ()
    options: Annotated[tuple[_Option, ...], Meta(max_length=5)] = ()
    """Their names."""
    price_minor: Price | None = None
    struck_minor: Price | None = None
    currency: Currency
    stock: _Stock | None = None
    """Needed for what is new; without it the stock stays as it is."""
    variants: Annotated[tuple[VariantForm, ...], Meta(max_length=100)] = ()
    seller: _Terms
    returns: _Terms
    related: Annotated[tuple[Id, ...], Meta(max_length=12)] = ()
    cap: _Cap | None = None
    live_only: bool = False
    policy: _Policy = "first_paid"


class Option(Struct, frozen=True, kw_only=True):
    """A way in which variants differ, and the values it has."""

    name: str
    values: tuple[str, ...]


class Variant(Struct, frozen=True, kw_only=True):
    """One thing to buy."""

    id: str
    options: tuple[str, ...]
    price_minor: int
    struck_minor: int | None
    lowest_30d_minor: int | None
    """The lowest price of the 30 days before this one; there where a price is struck."""
    picture: str | None
    available: int
    sold_out: bool


class Product(Struct, frozen=True, kw_only=True):
    """A product as everyone may see it. Its prices are those of its cheapest variant, its stock
    that of all."""

    id: str
    name: str
    description: str
    facts: tuple[str, ...]
    picture: str | None
    pictures: tuple[str, ...]
    options: tuple[Option, ...]
    price_minor: int
    struck_minor: int | None
    lowest_30d_minor: int | None
    currency: str
    seller: str
    returns: str
    related: tuple[str, ...]
    cap: int | None
    live_only: bool
    policy: Literal["first_paid", "hold"]
    available: int
    sold_out: bool
    variants: tuple[Variant, ...]


class Products(Struct, frozen=True, kw_only=True):
    """The products of a show."""

    products: tuple[Product, ...]


class StockForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The stock of a variant; of the only one, where none is named."""

    variant: Id | None = None
    stock: _Stock


class Stock(Struct, frozen=True, kw_only=True):
    """What a variant's stock is made of: `stock` = `available` + `held` + `sold`."""

    product: str
    variant: str
    stock: int
    available: int
    held: int
    sold: int


class Stocks(Struct, frozen=True, kw_only=True):
    """The stock of every variant of a show."""

    stock: tuple[Stock, ...]


class ImportQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a file is to be read, and whether it is to be applied."""

    format: FileFormat
    apply: _Bool = "false"
    """Without it the difference is told, and nothing changes."""
    partial: _Bool = "false"
    """Apply what is good although something is refused."""
    currency: Currency | None = None
    """For formats that name none."""
    default_stock: _Stock | None = None
    """For what is in stock in an unknown number."""
    keep_stock: _Bool = "false"
    """Leave the stock of what is there alone."""


class ImportFromForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another shop to import from. Its keys are used for this one import and kept nowhere."""

    source: Literal["shopify", "woocommerce", "file"]
    address: _Address
    """Of the shop; of the file itself for `file`."""
    token: _Secret | None = None
    """Shopify: an Admin API access token."""
    key: _Secret | None = None
    """WooCommerce: a consumer key, and `secret` with it."""
    secret: _Secret | None = None
    format: FileFormat | None = None
    """Of a `file`."""
    apply: bool = False
    partial: bool = False
    currency: Currency | None = None
    default_stock: _Stock | None = None
    keep_stock: bool = False

    def __repr__(self) -> str:
        return f"ImportFromForm(source={self.source!r})"


class ImportEntry(Struct, frozen=True, kw_only=True):
    """What becomes of one product of a file, or why it is refused."""

    row: int
    """The first of its rows; the headings are row 1."""
    result: Literal["added", "changed", "unchanged", "refused"]
    product: str | None
    name: str | UnsetType = UNSET
    fields: tuple[str, ...] | UnsetType = UNSET
    """What differs."""
    field: str | UnsetType = UNSET
    message: str | UnsetType = UNSET


class ImportReport(Struct, frozen=True, kw_only=True):
    """What an import would do, or has done."""

    applied: bool
    rows: int
    added: int
    changed: int
    unchanged: int
    refused: int
    entries: tuple[ImportEntry, ...]


class PictureForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A picture to fetch."""

    url: _Address


class Picture(Struct, frozen=True, kw_only=True):
    """A picture that is kept here, at the address of its middle size."""

    picture: str


CsvFile = Annotated[str, Meta(description="A table, one row a variant")]
