"""`lectr demo --history 30d`: months of an imagined company, as its gateway would have recorded them."""
