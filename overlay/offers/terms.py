"""The terms of an offer, checked, and an offer as it stands.

====== ===========================================================================================
flash  `product` (one `variant`, or all) at `price_minor`, or `percent_off`
coupon `percent_off` each unit, or `minor_off` the order once; of `product` alone where one is named
bundle `items` together at `price_minor`
gift   `gift` for nothing with `product`, or with an order of `least_total_minor`
====== ===========================================================================================

An offer's life: ``draft → announced → running → ended``; a host may take it back (`cancelled`) from
the moment it is announced. What it may be used in all is `quota`, by each buyer `per_buyer`: units
of a flash sale, bundles, gifts, and of a coupon its claims.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, cast

from overlay import checks
from overlay.errors import InvalidInput

Kind = Literal["flash", "coupon", "bundle", "gift"]
State = Literal["draft", "announced", "running", "ended", "cancelled"]

KINDS: tuple[Kind, ...] = ("flash", "coupon", "bundle", "gift")
PUBLIC: frozenset[State] = frozenset({"announced", "running", "ended", "cancelled"})
"""Drafts are the host's alone."""
OPEN: frozenset[State] = frozenset({"announced", "running"})

MAX_TITLE_CHARS = 120
MAX_BUNDLE_LINES = 10
MAX_BUNDLE_UNITS = 50
MAX_MINOR = 1_000_000_000
MAX_QUOTA = 10_000_000

_NEEDS: Mapping[Kind, tuple[str, ...]] = {
    "flash": ("product",),
    "coupon": (),
    "bundle": ("items", "price_minor"),
    "gift": ("gift",),
}
_TAKES: Mapping[Kind, frozenset[str]] = {
    "flash": frozenset({"product", "variant", "price_minor", "percent_off"}),
    "coupon": frozenset({"product", "percent_off", "minor_off", "least_total_minor",
                         "shared_code"}),
    "bundle": frozenset({"items", "price_minor"}),
    "gift": frozenset({"product", "gift", "least_total_minor"}),
}  # fmt: skip
_ONE_OF: Mapping[Kind, tuple[str, str]] = {
    "flash": ("price_minor", "percent_off"),
    "coupon": ("percent_off", "minor_off"),
    "gift": ("product", "least_total_minor"),
}
_COMMON = frozenset({"kind", "title", "currency", "quota", "per_buyer"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Goods:
    """So many units of a product; `variant` may be None where it comes in one."""

    product: str
    variant: str | None
    quantity: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an offer offers. Made by `checked`."""

    kind: Kind
    title: str
    currency: str
    product: str | None = None
    variant: str | None = None
    price_minor: int | None = None
    percent_off: int | None = None
    minor_off: int | None = None
    items: tuple[Goods, ...] = ()
    gift: Goods | None = None
    least_total_minor: int | None = None
    quota: int | None = None
    per_buyer: int | None = None
    shared_code: bool = True

    @property
    def products(self) -> tuple[str, ...]:
        """Every product that is mentioned."""
        named = [self.product, self.gift.product if self.gift else None]
        return tuple(dict.fromkeys([*(p for p in named if p), *(g.product for g in self.items)]))

    @property
    def units(self) -> int:
        """Of one bundle."""
        return sum(goods.quantity for goods in self.items)

    def to_plain(self) -> dict[str, Any]:
        """Plain JSON data."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        plain["items"] = [
            {"product": goods.product, "variant": goods.variant, "quantity": goods.quantity}
            for goods in self.items
        ]
        if self.gift is not None:
            plain["gift"] = {"product": self.gift.product, "variant": self.gift.variant}
        return plain


@dataclass(slots=True, kw_only=True)
class Offer:
    """An offer as it stands: its terms, its state, its times, and how often it was used.

    Times are both of a media epoch (ticks) and of the shop's clock, where it was started on air.
    `ends_*` is None for one that runs until it is ended.
    """

    show: str
    id: str
    terms: Terms
    state: State = "draft"
    media_epoch: str | None = None
    starts_pts: int | None = None
    ends_pts: int | None = None
    starts_us: int | None = None
    ends_us: int | None = None
    used: int = field(default=0)

    @property
    def left(self) -> int | None:
        """How often it may still be used; None without a quota."""
        return None if self.terms.quota is None else max(0, self.terms.quota - self.used)

    def to_plain(self) -> dict[str, Any]:
        """The JSON, as events and the API have it."""
        return {
            "id": self.id,
            "state": self.state,
            **self.terms.to_plain(),
            "media_epoch": self.media_epoch,
            "starts_pts": self.starts_pts,
            "ends_pts": self.ends_pts,
            "starts_us": self.starts_us,
            "ends_us": self.ends_us,
            "left": self.left,
        }

    @classmethod
    def from_plain(cls, show: str, plain: Mapping[str, Any]) -> "Offer":
        """The inverse of `to_plain`, but for `used`, which that does not say without a quota."""
        terms = checked({each.name: plain[each.name] for each in fields(Terms)})
        used = 0 if terms.quota is None else terms.quota - plain["left"]
        kept = ("id", "state", "media_epoch", "starts_pts", "ends_pts", "starts_us", "ends_us")
        return cls(show=show, terms=terms, used=used, **{name: plain[name] for name in kept})


def checked(given: Mapping[str, Any]) -> Terms:
    """The terms that `given` describes: keys of `Terms`, those that are None as if left out.

    Raises `InvalidInput` naming the key.
    """
    plain = {name: value for name, value in given.items() if value is not None}
    kind = plain.get("kind")
    if kind not in KINDS:
        raise InvalidInput(f"kind must be one of {', '.join(KINDS)}.", field="kind")
    kind = cast(Kind, kind)
    if kind != "coupon":
        plain.pop("shared_code", None)
    if not plain.get("items"):
        plain.pop("items", None)
    _refuse_senseless(kind, plain)
    terms = Terms(
        kind=kind,
        title=checks.text(plain.get("title", ""), "title", most=MAX_TITLE_CHARS, blank=True),
        currency=_currency(plain.get("currency")),
        product=_name(plain, "product"),
        variant=_name(plain, "variant"),
        price_minor=_number(plain, "price_minor", least=0, most=MAX_MINOR),
        percent_off=_number(plain, "percent_off", least=1, most=100),
        minor_off=_number(plain, "minor_off", least=1, most=MAX_MINOR),
        items=_items(plain["items"]) if "items" in plain else (),
        gift=_goods(plain["gift"], "gift", most=1) if "gift" in plain else None,
        least_total_minor=_number(plain, "least_total_minor", least=1, most=MAX_MINOR),
        quota=_number(plain, "quota", least=1, most=MAX_QUOTA),
        per_buyer=_number(plain, "per_buyer", least=1, most=MAX_QUOTA),
        shared_code=_flag(plain.get("shared_code", True), "shared_code"),
    )
    if kind == "coupon" and terms.per_buyer is not None:
        raise InvalidInput("A viewer has a coupon once: leave per_buyer out.", field="per_buyer")
    return terms


def _refuse_senseless(kind: Kind, plain: Mapping[str, Any]) -> None:
    for name in plain:
        if name not in _COMMON | _TAKES[kind]:
            raise InvalidInput(f"{name[:40]} has no meaning in a {kind}.", field=name[:40])
    for name in _NEEDS[kind]:
        if name not in plain:
            raise InvalidInput(f"A {kind} needs {name}.", field=name)
    if kind in _ONE_OF and sum(name in plain for name in _ONE_OF[kind]) != 1:
        one, other = _ONE_OF[kind]
        raise InvalidInput(f"A {kind} needs either {one} or {other}.", field=one)


def _items(value: Any) -> tuple[Goods, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise InvalidInput("items must be a list.", field="items")
    if len(value) > MAX_BUNDLE_LINES:
        raise InvalidInput(f"A bundle has at most {MAX_BUNDLE_LINES} items.", field="items")
    goods = tuple(_goods(item, f"items.{n}", most=MAX_BUNDLE_UNITS) for n, item in enumerate(value))
    if len({(each.product, each.variant) for each in goods}) < len(goods):
        raise InvalidInput("A bundle names each item once, with its quantity.", field="items")
    if not 2 <= sum(each.quantity for each in goods) <= MAX_BUNDLE_UNITS:
        raise InvalidInput(f"A bundle has 2 to {MAX_BUNDLE_UNITS} units.", field="items")
    return goods


def _goods(value: Any, where: str, *, most: int) -> Goods:
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{where} must be an object.", field=where)
    variant = value.get("variant")
    return Goods(
        product=checks.identifier(value.get("product"), f"{where}.product"),
        variant=None if variant is None else checks.identifier(variant, f"{where}.variant"),
        quantity=checks.integer(value.get("quantity", 1), f"{where}.quantity", least=1, most=most),
    )


def _currency(value: Any) -> str:
    text = checks.text(value, "currency", most=3)
    if len(text) != 3 or not (text.isascii() and text.isalpha() and text.isupper()):
        raise InvalidInput("currency must be three capital letters, as EUR.", field="currency")
    return text


def _name(plain: Mapping[str, Any], name: str) -> str | None:
    return checks.identifier(plain[name], name) if name in plain else None


def _number(plain: Mapping[str, Any], name: str, *, least: int, most: int) -> int | None:
    return checks.integer(plain[name], name, least=least, most=most) if name in plain else None


def _flag(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(f"{name} must be true or false.", field=name)
    return value
