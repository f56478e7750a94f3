"""Arrays in, named tuples out: knows numpy and scipy, and nothing of ours."""
