"""The kernel's walls around a process that reads what strangers wrote. Knows nothing of grading.

They hold though the code inside is hostile: files, network, other processes, and what was inherited.
"""
