"""What an import would change: parsed products held against those that are there. Pure.

An entry for each product of the file (added, changed, unchanged) and for each refusal. Nothing is
taken from a show by an import: a product that the file does not name stays.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from overlay.catalog import rules, values
from overlay.catalog.imports.rows import MAX_REFUSALS, Parsed, ParsedProduct, Refusal, Terms
from overlay.catalog.values import DEFAULT_VARIANT, Product, VariantDraft
from overlay.errors import InvalidInput, ShopError

Result = Literal["added", "changed", "unchanged", "refused"]

MAX_FIELDS = 20
"""Of one entry; the rest of what differs is counted."""

_FROM_STORED = ("name", "description", "facts", "pictures", "options", "currency", "seller",
                "returns", "related", "cap", "live_only", "policy")  # fmt: skip
_NEW: Mapping[str, Any] = {"name": "", "currency": "", "seller": "", "returns": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What becomes of one product, or why not."""

    row: int
    result: Result
    product: str | None
    name: str | None = None
    fields: tuple[str, ...] = ()
    """What differs, of `changed`."""
    field: str | None = None
    message: str | None = None
    """Why not, of `refused`."""

    def to_plain(self) -> dict[str, Any]:
        """JSON; what says nothing is left out."""
        plain: dict[str, Any] = {"row": self.row, "result": self.result, "product": self.product}
        more = len(self.fields) - MAX_FIELDS
        if self.fields:
            told = list(self.fields[:MAX_FIELDS])
            plain["fields"] = [*told, f"and {more} more"] if more > 0 else told
        for name in ("name", "field", "message"):
            if getattr(self, name) is not None:
                plain[name] = getattr(self, name)
        return plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A product as it is and as it shall be."""

    stored: Product | None
    target: Product


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """All that an import would do, in the order of the file."""

    rows: int
    entries: tuple[Entry, ...]
    steps: tuple[Step, ...]
    targets: tuple[Product, ...]
    """Every product of the file that is not refused, as it shall be."""

    def count(self, result: Result) -> int:
        """How many entries have this result."""
        return sum(entry.result == result for entry in self.entries)

    def to_plain(self, *, applied: bool) -> dict[str, Any]:
        """The report's JSON: at most `MAX_REFUSALS` refusals one by one."""
        refused = [entry for entry in self.entries if entry.result == "refused"]
        untold = set(map(id, refused[MAX_REFUSALS:]))
        return {
            "applied": applied,
            "rows": self.rows,
            **{
                result: self.count(result)
                for result in ("added", "changed", "unchanged", "refused")
            },
            "entries": [entry.to_plain() for entry in self.entries if id(entry) not in untold],
        }


def difference(stored: Sequence[Product], parsed: Parsed, terms: Terms) -> Difference:
    """What applying `parsed` to a show with the products `stored` would do.

    Raises `InvalidInput` where all of it together would be too much for one show.
    """
    there = {product.id: product for product in stored}
    currency = terms.currency or _currency_of(stored, parsed)
    entries = [_refused(refusal) for refusal in parsed.refused]
    after = dict(there)
    steps, targets = [], []
    for product in parsed.products:
        before = there.get(product.id)
        try:
            if before is None and len(after) >= values.MAX_PRODUCTS:
                raise InvalidInput(
                    f"A show has at most {values.MAX_PRODUCTS} products.", field="id"
                )
            target = _target(product, before, currency, terms)
        except ShopError as exc:
            refusal = Refusal(
                row=_row_of(product, exc.field),
                product=product.id,
                field=exc.field,
                message=str(exc),
            )
            entries.append(_refused(refusal))
            continue
        entry = _entry(product, before, target)
        entries.append(entry)
        targets.append(target)
        if entry.result != "unchanged":
            steps.append(Step(stored=before, target=target))
            after[target.id] = target
    if len(after) * values.MAX_PRODUCT_BYTES > values.MAX_SHOW_BYTES and steps:
        rules.refuse_too_many_bytes(after.values())
    entries.sort(key=lambda entry: entry.row)
    return Difference(
        rows=parsed.rows, entries=tuple(entries), steps=tuple(steps), targets=tuple(targets)
    )


def with_pictures(parsed: Parsed, local: Callable[[str], str | None]) -> Parsed:
    """With the address on this server of each picture that is here already."""

    def mapped(address: str) -> str:
        return local(address) or address

    def of(product: ParsedProduct) -> ParsedProduct:
        fields = dict(product.fields)
        if "pictures" in fields:
            fields["pictures"] = tuple(map(mapped, fields["pictures"]))
        fields["variants"] = tuple(
            variant
            if variant.picture is None
            else replace(variant, picture=mapped(variant.picture))
            for variant in fields["variants"]
        )
        return replace(product, fields=fields)

    return replace(parsed, products=tuple(map(of, parsed.products)))


def _target(
    product: ParsedProduct, before: Product | None, currency: str | None, terms: Terms
) -> Product:
    if product.fields.get("currency") != currency:
        raise InvalidInput(
            f"The price is in {product.fields.get('currency')}, the others are in {currency}: "
            "an order is in one currency.",
            field="currency",
        )
    draft = product.draft(_defaults(before))
    if before is not None:
        draft = replace(draft, variants=[_known(each, draft, before) for each in draft.variants])
    described = rules.described(product.id, draft)
    if terms.keep_stock and before is not None:
        stocks = [
            None if before.variant(variant.id) else stock
            for variant, stock in zip(described.product.variants, described.stocks, strict=True)
        ]
        described = replace(described, stocks=tuple(stocks))
    target = rules.settled(described, before)
    rules.refuse_too_long(target)
    return target


def _defaults(before: Product | None) -> Mapping[str, Any]:
    if before is None:
        return _NEW
    return {name: getattr(before, name) for name in _FROM_STORED}


def _known(variant: VariantDraft, draft: Any, before: Product) -> VariantDraft:
    """With the id of the stored variant that has the same options, where the file gives none."""
    if variant.id is not None or len(before.options) != len(draft.options):
        return variant
    if not variant.options:
        return replace(variant, id=before.variants[0].id if before.variants else DEFAULT_VARIANT)
    wanted = [rules.folded(value) for value in variant.options]
    found = (v.id for v in before.variants if [rules.folded(o) for o in v.options] == wanted)
    return replace(variant, id=next(found, None))


def _currency_of(stored: Sequence[Product], parsed: Parsed) -> str | None:
    """Of the show, where it has one; else of the file's first product."""
    used: set[str | None] = {product.currency for product in stored} or {
        product.fields.get("currency") for product in parsed.products[:1]
    }
    return next(iter(used)) if len(used) == 1 else None


def _entry(product: ParsedProduct, before: Product | None, target: Product) -> Entry:
    if before is None:
        return Entry(row=product.row, result="added", product=target.id, name=target.name)
    fields = rules.differences(before, target)
    return Entry(
        row=product.row,
        result="changed" if fields else "unchanged",
        product=target.id,
        name=target.name,
        fields=fields,
    )


def _row_of(product: ParsedProduct, field: str | None) -> int:
    """The row of the variant that `field` (``variants.3.stock``) is of; else the product's."""
    steps = (field or "").split(".")
    if len(steps) > 1 and steps[0] == "variants" and steps[1].isdigit():
        rows = product.row_of_variant
        return rows[int(steps[1])] if int(steps[1]) < len(rows) else product.row
    return product.row


def _refused(refusal: Refusal) -> Entry:
    return Entry(
        row=refusal.row,
        result="refused",
        product=refusal.product,
        field=refusal.field,
        message=refusal.message,
    )
