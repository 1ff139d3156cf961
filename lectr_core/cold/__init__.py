"""AFTER THE ANSWER HAS LEFT. One process: journal, account, deliver; `way.py` reads as the way of a record."""
