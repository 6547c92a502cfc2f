"""Proof afterwards: a show's log and ledger read again, and held against each other.

`rows` reads them, `stock`, `sales` and `history` are pure checks over what was read, `report`
puts them together.
"""
