"""Questions to the rollups and their answers for people and scripts: `lectr report` and `lectr top`. Changes nothing."""
