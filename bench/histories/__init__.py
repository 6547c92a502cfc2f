"""Histories in Jepsen's manner: what clients asked and were told while the shop was killed, and
whether what is in the database afterwards agrees with all of it.

`history` has the values, `checker` the judgement (pure), `ledger` the process that is killed, and
`clients` those who ask, and ask again with the same key where no answer came.
"""
