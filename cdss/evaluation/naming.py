"""When two names are names of one disease: kept where what is no measurement reads it too."""

from cdss.reasoning.naming import names_in_text, same_as_any, same_disease

__all__ = ["names_in_text", "same_as_any", "same_disease"]
