"""`lectr demo`: a whole gateway, the stand-in behind it, and an imagined company's traffic in front of it."""
