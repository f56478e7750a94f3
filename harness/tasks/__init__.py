"""One adapter a source of prompts and graders."""
