"""Commands that hide faces and look at what was hidden."""
