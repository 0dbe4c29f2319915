"""Intake: from anyone's tables to the contract's, checked and cut at the as-of date."""

from customer_value.intake.loading import Attribute, Conversion, Intake, load

__all__ = ["Attribute", "Conversion", "Intake", "load"]
