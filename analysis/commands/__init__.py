"""One module a command: its arguments, what it reads and what it prints.
The only room here that knows output paths.
"""
