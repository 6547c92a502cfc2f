"""What the demo's shop sells. The pictures are web files of ours (`overlay/web/public/demo`)."""

from dataclasses import dataclass
from typing import Any

SELLER = "The corner shop, 7 Rue du Comptoir, 69001 Lyon"
RETURNS = "This is a demo: nothing is sent and nothing is paid."


@dataclass(frozen=True, slots=True, kw_only=True)
class Good:
    """One product of the demo."""

    id: str
    name: str
    facts: tuple[str, ...]
    price_minor: int
    """Euro cents."""
    stock: int
    """Of each variant, where there are some."""
    struck_minor: int | None = None
    description: str = ""
    options: tuple[str, ...] = ()
    variants: tuple[tuple[str, ...], ...] = ()
    """The values of the options, for each variant."""
    related: tuple[str, ...] = ()
    cap: int | None = None

    def to_plain(self) -> dict[str, Any]:
        """The body of its ``PUT /api/v1/shows/{show}/products/{id}``."""
        sold: dict[str, Any] = {"price_minor": self.price_minor, "stock": self.stock}
        if self.struck_minor is not None:
            sold["struck_minor"] = self.struck_minor
        if self.variants:
            sold = {
                "options": list(self.options),
                "variants": [{"options": list(values), **sold} for values in self.variants],
            }
        return {
            "name": self.name,
            "description": self.description,
            "facts": list(self.facts),
            "picture": f"/demo/{self.id}.svg",
            "currency": "EUR",
            "seller": SELLER,
            "returns": RETURNS,
            "related": list(self.related),
            "cap": self.cap,
            **sold,
        }


GOODS = (
    Good(
        id="levant-red",
        name="Levant, red, 2023",
        facts=("Grenache and Syrah", "75 cl, 13.5 % vol.", "Drink it now or in five years"),
        price_minor=1290,
        stock=150,
    ),
    Good(
        id="apricot-jar",
        name="Apricot preserve",
        facts=("Apricots of the Drôme", "340 g, 70 % fruit", "Cooked in a copper pan"),
        price_minor=690,
        stock=80,
    ),
    Good(
        id="green-oil",
        name="Green olive oil",
        facts=("First cold pressing", "50 cl", "Peppery: for tomatoes and bread"),
        price_minor=1850,
        stock=40,
    ),
    Good(
        id="lavender-honey",
        name="Lavender honey",
        facts=("From the Valensole plateau", "250 g", "Creamy, never heated"),
        price_minor=940,
        stock=60,
    ),
    Good(
        id="linen-apron",
        name="Linen apron",
        facts=("Washed linen, 240 g/m²", "Two pockets", "Woven in the Vosges"),
        description="Stone-washed, so that it is soft from the first day.\n\nWash at 40 °C.",
        price_minor=3900,
        struck_minor=4500,
        stock=12,
        options=("Size", "Colour"),
        variants=(
            ("S–M", "Ochre"),
            ("S–M", "Slate"),
            ("L–XL", "Ochre"),
            ("L–XL", "Slate"),
        ),
        related=("green-oil", "apricot-jar"),
        cap=4,
    ),
    Good(
        id="corner-parcel",
        name="The corner parcel",
        facts=("One of each, wrapped", "A small batch: be quick"),
        price_minor=4900,
        stock=3,
    ),
)
"""In the order in which they are shown. Of the last there are so few that it can be sold out."""
