"""Lines of the log as the schema 0001 wrote them, in the words of version 1."""

from typing import Any

VARIANT = "default"
"""The one variant of a product without options."""


def reworded(event_type: str, data: dict[str, Any]) -> dict[str, Any]:
    """The same fact. Other types than `product`, `stock` and `order` are as they were."""
    if event_type == "product":
        return _product(data)
    if event_type == "stock":
        return {"variant": VARIANT, **data}
    if event_type == "order":
        return {"orders": 1, **data}
    return data


def _product(data: dict[str, Any]) -> dict[str, Any]:
    picture = data.get("picture")
    variant = {
        "id": VARIANT,
        "options": [],
        "price_minor": data["price_minor"],
        "struck_minor": None,
        "lowest_30d_minor": None,
        "picture": None,
        "available": data["available"],
        "sold_out": data["sold_out"],
    }
    return {
        "description": "",
        "pictures": [picture] if picture else [],
        "options": [],
        "variants": [variant],
        "related": [],
        "cap": None,
        "live_only": False,
        "policy": "first_paid",
        "struck_minor": None,
        "lowest_30d_minor": None,
        **data,
    }
