"""What is raised where a figure or table has nothing to tell of a run, beside what a user did wrong."""


class UntoldError(ValueError):
    """What was asked for cannot be told from this run; the message is a sentence that says why."""


def one_model(name: str) -> UntoldError:
    """What is raised where models are compared and the run has only this one."""
    return UntoldError(
        f"At least two models are needed, and this run has only {name}. Draw another with the same `run=`, or "
        "ingest it into the same run."
    )
