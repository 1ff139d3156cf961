"""What the pages make of the answers: sums, shares, causes. Pure: rows come in, values go out. Called by the views."""
