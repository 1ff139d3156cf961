"""How the pages say it: numbers in words, charts, addresses, templates. Called by the views."""
