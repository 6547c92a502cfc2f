"""Products from other shops: one parser for each format, one differ, one applier.

A parser is pure: it turns a file's bytes, or an API's answers, into `rows.Parsed`, products with
the row they begin in, and refusals with row and field. `diff` holds them against the show's
products, `apply` makes it so. `sources` fetches from APIs through an `Outgoing`.
"""
