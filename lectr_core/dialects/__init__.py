"""ANSWERS. How to read the API dialects that several providers speak, and the base class for providers of that kind.

A plugin author's building blocks: nothing here knows a provider by name, nothing waits, nothing keeps text.
"""
