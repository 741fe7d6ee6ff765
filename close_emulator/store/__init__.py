"""Records, and what lists and searches see of them; knows no list of Close."""
