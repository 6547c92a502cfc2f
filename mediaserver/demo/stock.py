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

    def to_plain(self) -> dict[str, Any]:
        """The body of its ``PUT /api/v1/shows/{show}/products/{id}``."""
        return {
            "name": self.name,
            "facts": list(self.facts),
            "picture": f"/demo/{self.id}.svg",
            "price_minor": self.price_minor,
            "currency": "EUR",
            "stock": self.stock,
            "seller": SELLER,
            "returns": RETURNS,
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
        id="corner-parcel",
        name="The corner parcel",
        facts=("One of each, wrapped", "A small batch: be quick"),
        price_minor=4900,
        stock=3,
    ),
)
"""In the order in which they are shown. Of the last there are so few that it can be sold out."""
