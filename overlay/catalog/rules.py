"""What a product may say: a draft is checked (`described`), then held against the product that is
there (`settled`). Pure; both raise `InvalidInput` with the field at fault."""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar, cast

from overlay import checks
from overlay.catalog import values
from overlay.catalog.values import (
    DEFAULT_VARIANT,
    Policy,
    Product,
    ProductDraft,
    Variant,
    VariantDraft,
)
from overlay.errors import InvalidInput, StockInUse

_PICTURE = re.compile(r"https?://[!-\[\]-~]+|/(?!/)[!-\[\]-~]*")
"""No backslash anywhere: browsers read it as a slash, and ``//`` begins another server's name."""
_CURRENCY = re.compile(r"[A-Z]{3}")
_NOT_SLUG = re.compile(r"[^a-z0-9]+")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A draft whose every word is legal. Its variants have ids, and `stock` where it was given."""

    product: Product
    """With variants whose stock is not yet known: all zero."""
    stocks: tuple[int | None, ...]
    """Of each variant, in order."""


def described(product: str, draft: ProductDraft) -> Described:
    """The draft of the product with this id, checked."""
    options = _options(draft.options)
    drafts = _variant_drafts(draft, options)
    simple = not draft.variants
    variants, stocks = [], []
    for n, each in enumerate(drafts):
        prefix = "" if simple else f"variants.{n}."
        variants.append(_variant(each, options, prefix))
        stocks.append(_optional(each.stock, f"{prefix}stock", _stock))
    _refuse_twins(variants)
    text, terms = checks.text, values.MAX_TERMS_CHARS
    return Described(
        product=Product(
            id=checks.identifier(product, "id"),
            name=text(draft.name, "name", most=values.MAX_NAME_CHARS),
            description=checks.paragraphs(
                draft.description, "description", most=values.MAX_DESCRIPTION_CHARS
            ),
            facts=checks.texts(
                draft.facts, "facts", most=values.MAX_FACTS, most_each=values.MAX_FACT_CHARS
            ),
            pictures=_pictures(draft),
            options=options,
            currency=_currency(draft.currency),
            seller=text(draft.seller, "seller", most=terms, blank=True),
            returns=text(draft.returns, "returns", most=terms, blank=True),
            related=_related(product, draft.related),
            cap=_optional(draft.cap, "cap", _cap),
            live_only=_flag(draft.live_only, "live_only"),
            policy=_policy(draft.policy),
            variants=tuple(variants),
        ),
        stocks=tuple(stocks),
    )


def settled(draft: Described, stored: Product | None) -> Product:
    """The product as it shall stand, `lowest_30d_minor` of changed prices left to the caller.

    A variant that is no longer described goes, unless units of it are held: `StockInUse`.
    """
    refuse_held([] if stored is None else _gone(draft.product, stored))
    variants = []
    for n, (variant, stock) in enumerate(zip(draft.product.variants, draft.stocks, strict=True)):
        simple = draft.product.options == () and len(draft.stocks) == 1
        field = "stock" if simple else f"variants.{n}.stock"
        before = None if stored is None else stored.variant(variant.id)
        variants.append(_stocked(variant, stock, before, field))
    return replace(draft.product, variants=tuple(variants))


def restocked(before: Variant, stock: Any, field: str = "stock") -> Variant:
    """The variant with this stock, sold and held units included."""
    initial, taken = _stock(stock, field), before.held + before.sold
    if initial < taken:
        raise InvalidInput(
            f"{field} must be at least {taken}: so many are sold or held already.", field=field
        )
    return replace(before, initial=initial, available=initial - taken)


def refuse_held(variants: Sequence[Variant]) -> None:
    """Raise `StockInUse` if units of any are in a cart or an unpaid order."""
    for variant in variants:
        if variant.held:
            raise StockInUse(
                f"{variant.held} units of {variant.id} are held in carts or unpaid orders. Set its "
                "stock to what is held and sold, and take it away when these are settled.",
                field="id",
            )


def differences(stored: Product, target: Product) -> tuple[str, ...]:
    """The names of what differs: ``name``, ``variants.m-red.price_minor`` …"""
    names = [field.name for field in fields(Product) if field.name != "variants"]
    found = [name for name in names if getattr(stored, name) != getattr(target, name)]
    for variant in target.variants:
        before = stored.variant(variant.id)
        if before is None:
            found.append(f"variants.{variant.id}")
        elif before != variant:
            found += [
                f"variants.{variant.id}.{field.name}"
                for field in fields(Variant)
                if field.name not in ("available", "lowest_30d_minor")
                and getattr(before, field.name) != getattr(variant, field.name)
            ]
    found += [f"variants.{variant.id}" for variant in _gone(target, stored)]
    if not found and stored.variants != target.variants:
        found.append("variants")
    return tuple(found)


def refuse_too_long(product: Product) -> None:
    """Raise `InvalidInput` for a product whose public JSON is over `MAX_PRODUCT_BYTES`."""
    size = public_bytes(product)
    if size > values.MAX_PRODUCT_BYTES:
        raise InvalidInput(
            f"A product has at most {values.MAX_PRODUCT_BYTES} bytes of JSON, variants and all; "
            f"{product.id} has {size}. Shorten its description, or its variants' pictures.",
            field="description",
        )


def refuse_too_many_bytes(shown: Iterable[Product]) -> None:
    """Raise `InvalidInput` if a snapshot of these products would be too large."""
    size = sum(public_bytes(product) for product in shown)
    if size > values.MAX_SHOW_BYTES:
        raise InvalidInput(
            f"The products of a show have at most {values.MAX_SHOW_BYTES} bytes of JSON together; "
            f"these have {size}. Shorten descriptions, or take products out.",
            field="description",
        )


def public_bytes(product: Product) -> int:
    """The length of the public JSON in UTF-8."""
    plain = json.dumps(product.to_plain(), ensure_ascii=False, separators=(",", ":"))
    return len(plain.encode())


def repictured(product: Product, moved: Mapping[str, str]) -> Product:
    """The product with each picture at its new address."""
    return replace(
        product,
        pictures=tuple(dict.fromkeys(moved.get(each, each) for each in product.pictures)),
        variants=tuple(
            replace(each, picture=moved.get(each.picture or "", each.picture))
            for each in product.variants
        ),
    )


def repriced(before: Variant | None, variant: Variant) -> bool:
    """Whether a price, or the one struck above it, is newly set: see `overlay.catalog.history`."""
    return (
        before is None
        or before.price_minor != variant.price_minor
        or (variant.struck_minor is not None and before.struck_minor != variant.struck_minor)
    )


def slug(words: Sequence[str]) -> str:
    """`words` as an identifier in lower case; empty where nothing of them can be written so."""
    plain = unicodedata.normalize("NFKD", " ".join(words)).encode("ascii", "ignore").decode()
    return _NOT_SLUG.sub("-", plain.lower()).strip("-")[:64].strip("-")


def _gone(target: Product, stored: Product) -> list[Variant]:
    return [variant for variant in stored.variants if target.variant(variant.id) is None]


def _stocked(variant: Variant, stock: int | None, before: Variant | None, field: str) -> Variant:
    if before is None:
        if stock is None:
            raise InvalidInput(f"{field} is missing: what is new needs it.", field=field)
        return replace(variant, initial=stock, available=stock)
    counted = before if stock is None else restocked(before, stock, field)
    struck = variant.struck_minor is not None and not repriced(before, variant)
    return replace(
        variant,
        initial=counted.initial,
        available=counted.available,
        held=before.held,
        sold=before.sold,
        lowest_30d_minor=before.lowest_30d_minor if struck else None,
    )


def _options(given: Any) -> tuple[str, ...]:
    names = checks.texts(
        given, "options", most=values.MAX_OPTIONS, most_each=values.MAX_OPTION_CHARS
    )
    if len({folded(name) for name in names}) < len(names):
        raise InvalidInput("options must have different names.", field="options")
    return names


def _variant_drafts(draft: ProductDraft, options: tuple[str, ...]) -> list[VariantDraft]:
    drafts: Any = draft.variants
    if isinstance(drafts, str) or not isinstance(drafts, Sequence):
        raise InvalidInput("variants must be a list.", field="variants")
    if len(drafts) > values.MAX_VARIANTS:
        raise InvalidInput(
            f"A product has at most {values.MAX_VARIANTS} variants.", field="variants"
        )
    if not drafts:
        if options:
            raise InvalidInput("A product with options needs variants.", field="variants")
        if draft.price_minor is None:
            raise InvalidInput("price_minor is missing.", field="price_minor")
        return [
            VariantDraft(
                id=DEFAULT_VARIANT,
                price_minor=draft.price_minor,
                struck_minor=draft.struck_minor,
                stock=draft.stock,
            )
        ]
    for name in ("price_minor", "struck_minor", "stock"):
        if getattr(draft, name) is not None:
            raise InvalidInput(f"{name} stands in each of the variants here.", field=name)
    if not options and len(drafts) > 1:
        raise InvalidInput("Several variants need options that tell them apart.", field="options")
    for n, each in enumerate(drafts):
        if not isinstance(each, VariantDraft):
            raise InvalidInput("A variant is a mapping of its fields.", field=f"variants.{n}")
    return _named(drafts)


def _named(drafts: Sequence[VariantDraft]) -> list[VariantDraft]:
    """Each with an id: its own, or one made of its options that no other has."""
    taken = {each.id for each in drafts if each.id is not None}
    named = []
    for n, each in enumerate(drafts):
        name = each.id
        if name is None:
            name = DEFAULT_VARIANT if not each.options else slug([str(o) for o in each.options])
            if not name or name in taken:
                name = next(f"v{k}" for k in range(n + 1, 10**6) if f"v{k}" not in taken)
            taken.add(name)
        named.append(replace(each, id=name))
    return named


def _variant(draft: VariantDraft, options: tuple[str, ...], prefix: str) -> Variant:
    chosen = checks.texts(
        draft.options,
        f"{prefix}options",
        most=values.MAX_OPTIONS,
        most_each=values.MAX_OPTION_CHARS,
    )
    if len(chosen) != len(options):
        raise InvalidInput(
            f"{prefix}options must have {len(options)} values, one for each option.",
            field=f"{prefix}options",
        )
    price = _price(draft.price_minor, f"{prefix}price_minor")
    struck = _optional(draft.struck_minor, f"{prefix}struck_minor", _price)
    if struck is not None and struck <= price:
        raise InvalidInput(
            f"{prefix}struck_minor must be above the price, or left out.",
            field=f"{prefix}struck_minor",
        )
    return Variant(
        id=checks.identifier(draft.id, f"{prefix}id"),
        options=chosen,
        sku=checks.text(draft.sku, f"{prefix}sku", most=values.MAX_SKU_CHARS, blank=True),
        picture=_optional(draft.picture, f"{prefix}picture", _picture),
        price_minor=price,
        struck_minor=struck,
        lowest_30d_minor=None,
        initial=0,
        available=0,
        held=0,
        sold=0,
    )


def _refuse_twins(variants: Sequence[Variant]) -> None:
    ids, choices = set(), set()
    for n, variant in enumerate(variants):
        choice = tuple(folded(value) for value in variant.options)
        if variant.id in ids:
            raise InvalidInput(f"variants.{n}.id is another's too.", field=f"variants.{n}.id")
        if choice in choices:
            raise InvalidInput(
                f"variants.{n}.options are another's too.", field=f"variants.{n}.options"
            )
        ids.add(variant.id)
        choices.add(choice)


def folded(text: str) -> str:
    """Equal for what people take for the same word."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _pictures(draft: ProductDraft) -> tuple[str, ...]:
    given: Any = draft.pictures
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise InvalidInput("pictures must be a list of addresses.", field="pictures")
    if len(given) > values.MAX_PICTURES:
        raise InvalidInput(
            f"A product has at most {values.MAX_PICTURES} pictures.", field="pictures"
        )
    pictures = tuple(_picture(each, f"pictures.{n}") for n, each in enumerate(given))
    if draft.picture is None:
        return tuple(dict.fromkeys(pictures))
    first = _picture(draft.picture, "picture")
    if pictures and pictures[0] != first:
        raise InvalidInput("picture must be the first of pictures, or left out.", field="picture")
    return tuple(dict.fromkeys((first, *pictures)))


def _picture(value: Any, field: str) -> str:
    address = checks.text(value, field, most=values.MAX_PICTURE_CHARS)
    if not _PICTURE.fullmatch(address):
        raise InvalidInput(
            f"{field} must be an http:// or https:// address, or a path that begins with one /.",
            field=field,
        )
    return address


def _currency(value: Any) -> str:
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise InvalidInput(
            "currency must be three capital letters of ISO 4217, such as EUR.", field="currency"
        )
    return value


def _related(product: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise InvalidInput("related must be a list of products' ids.", field="related")
    if len(value) > values.MAX_RELATED:
        raise InvalidInput(f"At most {values.MAX_RELATED} products are related.", field="related")
    ids = [checks.identifier(each, f"related.{n}") for n, each in enumerate(value)]
    if product in ids:
        raise InvalidInput("A product is not related to itself.", field="related")
    return tuple(dict.fromkeys(ids))


def _price(value: Any, field: str) -> int:
    return checks.integer(value, field, least=0, most=values.MAX_PRICE_MINOR)


def _stock(value: Any, field: str) -> int:
    return checks.integer(value, field, least=0, most=values.MAX_STOCK)


def _cap(value: Any, field: str) -> int:
    return checks.integer(value, field, least=1, most=values.MAX_CAP)


def _flag(value: Any, field: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(f"{field} must be true or false.", field=field)
    return value


def _policy(value: Any) -> Policy:
    if value not in ("first_paid", "hold"):
        raise InvalidInput("policy must be first_paid or hold.", field="policy")
    return cast(Policy, value)


def _optional(value: Any, field: str, check: Callable[[Any, str], T]) -> T | None:
    return None if value is None else check(value, field)
