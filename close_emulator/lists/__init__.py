"""What lists Close has, and what their rows look like."""
