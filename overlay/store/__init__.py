"""The database behind the shop: `schema`, its `migrations`, and the `engine` that opens it."""
