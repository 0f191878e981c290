"""Reads and checks what people configure: the home's settings, contracts and policy, and the floor that they may not go below."""
