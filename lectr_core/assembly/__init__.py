"""WHERE PARTS ARE JOINED. Plugins, settings, keys, processes and the command line: the only room that knows them all."""
