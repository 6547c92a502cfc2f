"""Where buyers pay: the merchant's own page, a Shopify cart, Stripe Checkout; or nowhere (a form).

Pure, but for one request to Stripe through the shop's way out (`overlay.outgoing`).
"""
