"""How the product is tried by those who build it: nights disturbed on purpose, files spoilt, times measured. Not in the wheel."""
