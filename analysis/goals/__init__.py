"""What a sweep is to find out, how well that is known of a reading, and what to draw next. Reads no files."""
