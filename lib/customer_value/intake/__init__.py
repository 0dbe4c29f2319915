"""Intake: from anyone's tables to the contract's, checked and cut at the as-of date."""

from customer_value.intake.loading import Attribute, Intake, load

__all__ = ["Attribute", "Intake", "load"]
