"""The commands of runs that travel, a module each: `add` names its arguments, `run` calls and prints."""
