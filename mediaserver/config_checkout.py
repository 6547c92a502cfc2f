"""The configuration of checkouts: how a show's orders are paid, and to whom."""

import re
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from mediaserver.config_base import ORIGIN, Section, checked_key


class CheckoutConfig(Section):
    """How a show's orders are paid."""

    kind: Literal["form", "handoff", "shopify", "stripe"] = "form"
    require_contact: bool = False
    url: str = Field(default="", max_length=1000)
    secret: SecretStr = SecretStr("")
    shop: str = Field(default="", max_length=253)
    variants: dict[str, str] = Field(default_factory=dict)
    success_url: str = Field(default="", max_length=1000)
    cancel_url: str = Field(default="", max_length=1000)

    @field_validator("secret")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        return checked_key(value)

    @field_validator("url", "success_url", "cancel_url")
    @classmethod
    def _page(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[!-~]+", value):
            raise ValueError("it must be a whole address, http:// or https://")
        return value

    @field_validator("shop")
    @classmethod
    def _host(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z0-9.-]+", value):
            raise ValueError("it must be the shop's host, such as my-shop.myshopify.com")
        return value

    @model_validator(mode="after")
    def _complete(self) -> "CheckoutConfig":
        needed = {"handoff": ("url", "secret"), "shopify": ("shop",)}.get(self.kind, ())
        for name in needed:
            value = getattr(self, name)
            if not (value.get_secret_value() if isinstance(value, SecretStr) else value):
                raise ValueError(f"{name} is needed where kind is {self.kind}")
        return self


class StripeConfig(Section):
    """The account that shows with the checkout kind stripe are paid to."""

    secret_key: SecretStr = SecretStr("")
    webhook_secret: SecretStr = SecretStr("")
    api_base: str = "https://api.stripe.com"

    @field_validator("api_base")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if not ORIGIN.fullmatch(value):
            raise ValueError("it must be https:// and a host, without a path")
        return value
