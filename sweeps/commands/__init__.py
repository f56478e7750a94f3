"""One module a command of those that draw and grade: its options, what it starts and what it hands to `--json`."""
