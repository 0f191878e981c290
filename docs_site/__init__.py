"""The offline site of `make docs`: lineage, published tables, rules, policy values and record kinds as HTML pages.

It reads sql/, expectations/ and policy/ of the checkout, and nothing else. It is a tool for developers and is in no wheel.
"""
