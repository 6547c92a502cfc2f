"""Offers: their terms, when each counts for which viewer, what they do to a price, their codes."""
