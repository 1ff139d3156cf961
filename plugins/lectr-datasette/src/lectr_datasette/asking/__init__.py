"""What the pages ask the database: stretches of time, filters, SQL. Called by the views; nothing here draws."""
