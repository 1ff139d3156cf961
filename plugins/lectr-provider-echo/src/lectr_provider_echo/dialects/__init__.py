"""How each provider says things: a draft becomes an answer, whole or as a stream's events. Pure; called by `answer`."""
