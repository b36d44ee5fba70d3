"""Pure functions of tensors: every loss of the method."""
