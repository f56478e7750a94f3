"""Runs that travel: packed into one file, unpacked, merged. What comes from elsewhere is data, whoever made it."""
