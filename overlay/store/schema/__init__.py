"""The tables, as the newest migration leaves them (a test holds the two together).

What must never be wrong is a constraint here, not only a rule in code: stock adds up and is never
negative; an offset, an idempotency key and a coupon's last use are used once. Every table of a
show begins with `show`. Money is an integer in the currency's minor unit, times are Unix time in
microseconds (`_us`) or ticks of 1/90,000 s (`_pts`).
"""

from overlay.store.schema.base import meta as meta
from overlay.store.schema.base import metadata as metadata
from overlay.store.schema.goods import prices as prices
from overlay.store.schema.goods import products as products
from overlay.store.schema.goods import variants as variants
from overlay.store.schema.hooks import deliveries as deliveries
from overlay.store.schema.hooks import endpoints as endpoints
from overlay.store.schema.hooks import messages as messages
from overlay.store.schema.ledger import holds as holds
from overlay.store.schema.ledger import movements as movements
from overlay.store.schema.ledger import order_items as order_items
from overlay.store.schema.ledger import orders as orders
from overlay.store.schema.ledger import purchases as purchases
from overlay.store.schema.ledger import replies as replies
from overlay.store.schema.offers import claims as claims
from overlay.store.schema.offers import codes as codes
from overlay.store.schema.offers import offer_uses as offer_uses
from overlay.store.schema.offers import offers as offers
from overlay.store.schema.show import carts as carts
from overlay.store.schema.show import log as log
from overlay.store.schema.show import run_items as run_items
from overlay.store.schema.show import show_settings as show_settings
from overlay.store.schema.show import snapshots as snapshots
