"""What is raised where a figure or table has nothing to tell of a run, beside what a user did wrong."""


class UntoldError(ValueError):
    """What was asked for cannot be told from this run; the message is a sentence that says why."""
