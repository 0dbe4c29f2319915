"""The report's questions, one module each, named as the chapters that show them.

Every public function takes the marts and returns a `Result`. Studies read marts and use the estimators of `stats`; they
never import each other: what two of them need belongs further down.
"""
