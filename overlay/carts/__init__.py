"""The carts of a show's viewers, kept by the server: theirs, and their merchant's, to change."""
