"""What the command line asks of the catalog: `lectr prices update`."""
