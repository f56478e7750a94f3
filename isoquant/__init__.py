"""The door: the command `isoquant`. Nothing imports it, and it imports a room only once a command asks for it."""

VERSION = "0.1.0"
