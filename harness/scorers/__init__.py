"""What reads answers and says how good they are: token ids in, scores out. Knows no run and no file of one."""
