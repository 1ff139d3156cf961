"""`python -m lectr_core.assembly.cli`: the command line where its script is not on the path."""

import sys

from lectr_core.assembly.cli.entry import main

sys.exit(main())
